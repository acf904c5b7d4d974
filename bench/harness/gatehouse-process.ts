/** Gatehouse's roles as they are shipped, for a benchmark: on loopback, at free ports, without limits by address. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type DataLayout, dataLayout } from '../../runtime/layout.ts';
import { gatehouseCommand } from './gatehouse-command.ts';
import type { Pinning } from './pinning.ts';
import { type ServerProcess, startProcess } from './server-process.ts';

/** All of the load comes from one address and with one token. */
const NO_LIMIT = '1000000000';

const enrollReady = z.object({ enrollUrl: z.url(), statusUrl: z.url(), adminUrl: z.url() });
const brokerReady = z.object({ mqttUrl: z.url() });

export interface RoleOptions {
  /** Its data folder, which init has made. */
  readonly data: string;
  readonly pinning: Pinning;
  readonly signal: AbortSignal;
}

export interface EnrollProcess extends z.infer<typeof enrollReady> {
  readonly process: ServerProcess;
  readonly layout: DataLayout;
  /** PEM of the trust anchor. */
  readonly ca: string;
}

export async function startEnrollRole({ data, pinning, signal }: RoleOptions): Promise<EnrollProcess> {
  const process = startProcess({
    name: 'gatehouse enroll',
    command: pinning.onServerCore(
      gatehouseCommand(
        ...['enroll', '--json', '--data', data, '--host', '127.0.0.1'],
        ...['enroll', 'status', 'admin'].flatMap((name) => [`--${name}-port`, '0']),
        ...['--enroll-rate', NO_LIMIT, '--token-rate', NO_LIMIT, '--status-rate', NO_LIMIT],
      ),
    ),
  });
  return orStopped(process, async () => {
    const addresses = enrollReady.parse(JSON.parse(await process.firstLine(signal)));
    const layout = dataLayout(data);
    return { ...addresses, process, layout, ca: await readFile(layout.rootCertificate, 'utf8') };
  });
}

export interface BrokerProcess extends z.infer<typeof brokerReady> {
  readonly process: ServerProcess;
}

export async function startBrokerRole({ data, pinning, signal }: RoleOptions): Promise<BrokerProcess> {
  const process = startProcess({
    name: 'gatehouse broker',
    command: pinning.onServerCore(
      gatehouseCommand(
        ...['broker', '--json', '--data', data, '--host', '127.0.0.1'],
        ...['--mqtt-port', '0', '--metrics-port', '0'],
      ),
    ),
  });
  return orStopped(process, async () => ({
    ...brokerReady.parse(JSON.parse(await process.firstLine(signal))),
    process,
  }));
}

async function orStopped<T>(process: ServerProcess, ready: () => Promise<T>): Promise<T> {
  try {
    return await ready();
  } catch (error) {
    await process.stop();
    throw error;
  }
}
