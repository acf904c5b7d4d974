/** Enroll, killed while it takes in what the broker reports, counts every refusal once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Report } from '../../registry/reports/report.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { openRegistry, openRegistryView } from '../../registry/sqlite/open.ts';
import { change, device, deviceId, NOW, seed } from '../registry/samples.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KILLS = 6;
/** More than are taken in before the last kill: two a look. */
const FILES = 20;

const refusal: Report = {
  kind: 'refusal',
  device: deviceId('pump'),
  action: 'publish',
  rule: 'publish_denied',
  topic: 'a',
  detail: '',
  serialNumber: null,
  clientId: null,
  address: '',
  count: 1,
  firstAt: NOW,
  lastAt: Date.now(),
};

const folder = temporaryFolder();

it('takes in each report once', async () => {
  const [file, reports] = [join(folder, 'registry.db'), join(folder, 'reports')];
  const registry = await openRegistry({ file, clock: { now: () => Date.now() } });
  await seed(registry);
  await change(registry, (transaction) => transaction.insertDevice(device('pump')));
  await registry.close();
  const writer = await ReportWriter.open(reports, 0);
  for (let number = 0; number < FILES; number++) await writer.write([refusal]);

  const view = await openRegistryView({ file });
  const script = join(import.meta.dirname, 'child', 'take-reports.mjs');
  for (let kills = 0; kills <= KILLS; kills++) {
    const child = spawn(process.execPath, [script, file, reports], { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    // It looks every 250 ms: killed somewhere in its first looks, and the last one not before it is done.
    if (kills < KILLS) await delay(240 + Math.random() * 40);
    else await eventually(async () => (await view.observations.lastReport()) === FILES);
    child.kill('SIGKILL');
    await closed;
  }
  const [counted] = await view.observations.refusalsOf(deviceId('pump'));
  expect(counted?.count).toBe(FILES);
  await view.close();
});
