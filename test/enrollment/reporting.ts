/** A broker's reports to a running service, and what operators are told of their devices. */
import { afterAll, beforeAll } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { DeviceExplanation, RefusalsView } from '../../core/api/explanation.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CountedRefusal } from '../../core/observations/refusal.ts';
import type { Report } from '../../registry/reports/report.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { enrollHolder, type Holder } from './renewing.ts';

export let service: TestEnroll;
export let writer: ReportWriter;
/** Of the broker that runs now. */
export let startedAt = Date.now();
const folder = temporaryFolder();
export const pump = parseDeviceId('pump-1');
let holder: Holder;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  writer = await ReportWriter.open(service.layout.reports, 0);
  holder = await enrollHolder(service, pump);
});
afterAll(() => service.close());

/** Another broker runs from now on. */
export function beginAnotherRun(): void {
  startedAt += 1;
}

export async function restartEnroll(): Promise<void> {
  const { settings, layout } = service;
  await service.close();
  service = await runTestEnroll(settings, layout);
}

async function lastReport(): Promise<number> {
  const view = await openRegistryView({ file: service.layout.registry.database });
  const taken = await view.observations.lastReport();
  await view.close();
  return taken;
}

/** Resolves when enroll has taken it in. */
export async function report(...reports: Report[]): Promise<void> {
  const run: Report = { kind: 'run', startedAt, lastAt: Date.now(), endedAt: null };
  const { number } = await writer.write([run, ...reports]);
  await eventually(async () => (await lastReport()) >= number);
  await writer.prune(number);
}

export function sighting(
  device: DeviceId,
  rest: Partial<Extract<Report, { kind: 'sighting' }>> = {},
): Report {
  return {
    kind: 'sighting',
    device,
    run: startedAt,
    connectedAt: startedAt,
    disconnectedAt: null,
    reason: null,
    sessions: 1,
    clientId: device,
    address: '192.0.2.1',
    tlsVersion: 'TLSv1.3',
    serialNumber: holder.serialNumber,
    ...rest,
  };
}

export function refusal(rest: Partial<CountedRefusal> = {}): CountedRefusal {
  const now = Date.now();
  return {
    action: 'publish',
    rule: 'publish_denied',
    topic: 'devices/other/status',
    detail: 'policy "device" does not grant it',
    serialNumber: holder.serialNumber,
    clientId: pump,
    address: '192.0.2.1',
    count: 1,
    firstAt: now,
    lastAt: now,
    ...rest,
  };
}

export const detail = async (id: string) =>
  (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body;
export const refusals = async (id: string) =>
  (await service.operator<RefusalsView>('GET', `/devices/${id}/refusals`)).body;
export const explanation = async (id: string) =>
  (await service.operator<DeviceExplanation>('GET', `/devices/${id}/explanation`)).body;
export const texts = async (id: string) =>
  (await explanation(id)).findings.map(({ text, next }) => `${text} ${next}`).join('\n');
