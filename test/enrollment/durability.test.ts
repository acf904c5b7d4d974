/** Invariant 1: a certificate that somebody was given is in the registry and in the journal, whatever ends the process. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { parseSerialNumber } from '../../core/ids.ts';
import { verifyChain } from '../../core/journal/chain.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { csrPem, startTestEnroll } from '../support/enroll-service.ts';
import { startEnrollProcess } from '../support/role-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const ROUNDS = 3;
const CLIENTS = 8;

it('what was answered before SIGKILL is there after it', async () => {
  const service = await startTestEnroll(folder);
  const { data } = service.settings;
  const { token } = await service.createToken({ maxUses: 100_000 });
  await service.close();
  const answered: EnrollResponse[] = [];

  for (let round = 0; round < ROUNDS; round++) {
    const { child, enrollUrl } = await startEnrollProcess(data);
    const dispatcher = new Agent({ connect: { ca: readFileSync(dataLayout(data).rootCertificate) } });
    const before = answered.length;
    const client = async (name: string) => {
      for (let index = 0; child.exitCode === null && child.signalCode === null; index++) {
        const csr = await csrPem({ commonName: `${name}-${index}`, privateKey: await generatePrivateKey() });
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const body = JSON.stringify({ csr });
        const answer = await request(`${enrollUrl}/v1/enroll`, { method: 'POST', headers, body, dispatcher });
        expect(answer.statusCode).toBe(201);
        answered.push((await answer.body.json()) as EnrollResponse);
        // In the middle of things: seven other requests are somewhere between their bytes and their answers.
        if (answered.length === before + 40) child.kill('SIGKILL');
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, index) => client(`round-${round}-client-${index}`));
    const ends = await Promise.allSettled([once(child, 'exit'), ...clients]);
    expect(ends[0]?.status).toBe('fulfilled');
    expect(answered.length).toBeGreaterThanOrEqual(before + 40);
    await dispatcher.destroy();
  }

  const registry = await openRegistry({ file: dataLayout(data).registry.database, clock: systemClock });
  try {
    for (const { serialNumber, deviceId } of answered) {
      const certificate = await registry.certificateBySerial(parseSerialNumber(serialNumber));
      expect(certificate).toMatchObject({ device: deviceId, status: 'active' });
    }
    const rows = await registry.journal(0, 1_000_000);
    expect(verifyChain(rows).seq).toBe(rows.length);
    const journaled = new Set(
      rows.flatMap(({ event }) => (event.action === 'device.enrolled' ? [event.data.serialNumber] : [])),
    );
    expect(answered.filter(({ serialNumber }) => !journaled.has(serialNumber))).toEqual([]);
  } finally {
    await registry.close();
  }
});
