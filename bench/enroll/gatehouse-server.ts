/** Gatehouse's enroll role as it is shipped, over a registry that knows a number of devices already. */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { dataLayout } from '../../runtime/layout.ts';
import { gatehouseCommand, runGatehouse } from './gatehouse-command.ts';
import type { Pinning } from './pinning.ts';
import type { SigningServer, StoredBytes } from './series.ts';
import { startProcess } from './server-process.ts';

/** All of the load comes from one address and with one token. */
const NO_LIMIT = '1000000000';
const MOST_USES = 1_000_000;
const FREE_PORTS = ['enroll', 'status', 'admin'].flatMap((name) => [`--${name}-port`, '0']);

const readySchema = z.object({ ready: z.literal(true), enrollUrl: z.url() });
const tokenSchema = z.object({ token: z.string() });
const answerSchema = z.object({ certificate: z.string() });

export interface GatehouseOptions {
  /** Its data folder. */
  readonly data: string;
  readonly devices: number;
  readonly pinning: Pinning;
  readonly signal: AbortSignal;
}

export async function startGatehouse(options: GatehouseOptions): Promise<SigningServer> {
  const { data, devices, pinning, signal } = options;
  const name = 'Gatehouse';
  const server = startProcess({
    name,
    command: pinning.onServerCore(
      gatehouseCommand(
        ...['enroll', '--json', '--data', data, '--host', '127.0.0.1', ...FREE_PORTS],
        ...['--enroll-rate', NO_LIMIT, '--token-rate', NO_LIMIT],
      ),
    ),
  });
  try {
    const { enrollUrl } = readySchema.parse(JSON.parse(await server.firstLine(signal)));
    const created = await runGatehouse('token', 'create', '--data', data, '--max-uses', String(MOST_USES));
    const { token } = tokenSchema.parse(created);
    const layout = dataLayout(data);
    return {
      name,
      devices,
      origin: enrollUrl,
      ca: await readFile(layout.rootCertificate, 'utf8'),
      process: server,
      callFor: ({ csrPem }) => ({
        method: 'POST',
        path: '/v1/enroll',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ csr: csrPem }),
      }),
      certificateIn: (body) => answerSchema.safeParse(JSON.parse(body)).data?.certificate,
      storedBytes: () => storedBytesOf(layout.registry.database),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function storedBytesOf(database: string): StoredBytes {
  return { registry: statSync(database).size, log: statSync(`${database}-wal`).size };
}
