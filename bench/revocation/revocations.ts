/** What one revocation takes, and how soon the lists that others fetch name it. */
import type { DeviceId } from '../../core/ids.ts';
import { runClosedLoop, type Sample } from '../harness/closed-loop.ts';
import type { EnrollProcess } from '../harness/gatehouse-process.ts';
import type { OperatorApi } from '../harness/operator-api.ts';
import { watchList } from './published-list.ts';
import { probeStalls } from './stall-prober.ts';

export interface RevocationOptions {
  readonly enroll: EnrollProcess;
  readonly api: OperatorApi;
  readonly devices: readonly DeviceId[];
  readonly signal: AbortSignal;
}

/** One after another: each waits for the answer to the one before, which is durable by then. */
export async function measureRevocations({
  enroll,
  api,
  devices,
  signal,
}: RevocationOptions): Promise<Sample> {
  const perform = async (device: DeviceId) => void (await api.revoke(device));
  const warmUp = Math.floor(devices.length / 10);
  const [runIn, jobs] = [devices.slice(0, warmUp), devices.slice(warmUp)];
  return runClosedLoop({ server: enroll.process, clients: 1, runIn, jobs, perform, signal });
}

export interface Publication {
  /** From the answer to the revocation until the list that is served names the certificate, in ms, each time. */
  readonly delays: readonly number[];
  /** At the end. */
  readonly bytes: number;
  /** How long another request was kept waiting meanwhile, in ms. */
  readonly waits: readonly number[];
}

/** @param path of a list that names every revoked certificate. One revocation each, when the list is up to date */
export async function measurePublication(
  { enroll, api, devices, signal }: RevocationOptions,
  path: string,
): Promise<Publication> {
  const list = watchList(enroll.statusUrl, path);
  const prober = probeStalls(enroll.statusUrl);
  const delays: number[] = [];
  let bytes = 0;
  try {
    for (const device of devices) {
      const [serialNumber] = await api.revoke(device);
      if (serialNumber === undefined) throw new Error(`device ${device} has no certificate`);
      const start = performance.now();
      bytes = await list.untilItNames(serialNumber, signal);
      delays.push(performance.now() - start);
    }
  } finally {
    await list.close();
  }
  return { delays, bytes, waits: await prober.stop() };
}
