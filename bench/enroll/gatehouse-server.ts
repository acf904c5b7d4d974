/** Gatehouse's enroll role over a registry that knows a number of devices already, as a server that signs. */
import { statSync } from 'node:fs';
import { z } from 'zod';
import { runGatehouse } from '../harness/gatehouse-command.ts';
import { type RoleOptions, startEnrollRole } from '../harness/gatehouse-process.ts';
import type { SigningServer, StoredBytes } from './series.ts';

const MOST_USES = 1_000_000;

const tokenSchema = z.object({ token: z.string() });
const answerSchema = z.object({ certificate: z.string() });

export async function startGatehouse(
  options: RoleOptions & { readonly devices: number },
): Promise<SigningServer> {
  const { data, devices } = options;
  const { process, enrollUrl, layout, ca } = await startEnrollRole(options);
  try {
    const created = await runGatehouse('token', 'create', '--data', data, '--max-uses', String(MOST_USES));
    const { token } = tokenSchema.parse(created);
    return {
      name: 'Gatehouse',
      devices,
      origin: enrollUrl,
      ca,
      process,
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
    await process.stop();
    throw error;
  }
}

function storedBytesOf(database: string): StoredBytes {
  return { registry: statSync(database).size, log: statSync(`${database}-wal`).size };
}
