/** Enroll killed in the midst of revocations: numbers go on, and every revocation that was answered is on the list. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import type { IssuerView } from '../../core/api/issuers.ts';
import { enrollHolder } from '../enrollment/renewing.ts';
import { startTestEnroll } from '../support/enroll-service.ts';
import { startEnrollProcess } from '../support/role-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type ReadCrl, readCrl } from './reading.ts';

const folder = temporaryFolder();
const AT_A_TIME = 15;
/** After how many answers it is killed: when a list is begun, and when one is out and the next is to come. */
const KILLED_AFTER = [1, 10, 2, 15];

it('nothing that was answered is missing, and no number comes twice or goes back', async () => {
  const service = await startTestEnroll(folder);
  const ids = KILLED_AFTER.flatMap((_, round) =>
    Array.from({ length: AT_A_TIME }, (__, index) => `unit-${round}-${index}`),
  );
  const serials = new Map<string, string>();
  for (const id of ids) serials.set(id, (await enrollHolder(service, id)).serialNumber);
  const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
  const issuer = body.items.find(({ kind }) => kind === 'issuing')?.fingerprint;
  await service.close();
  const dispatcher = new Agent({ connect: { ca: readFileSync(service.layout.rootCertificate) } });

  const answered: string[] = [];
  const wrong: string[] = [];
  /** Every list that anybody has seen, by its number. */
  const seen = new Map<bigint, string>();
  let last = 0n;
  const look = async (statusUrl: string): Promise<ReadCrl> => {
    const answer = await request(`${statusUrl}/crl/${issuer}.crl`, { dispatcher });
    const der = Buffer.from(await answer.body.arrayBuffer());
    const crl = readCrl(der);
    const hex = der.toString('hex');
    if (crl.number < last) wrong.push(`${crl.number} after ${last}`);
    if ((seen.get(crl.number) ?? hex) !== hex) wrong.push(`two lists of number ${crl.number}`);
    seen.set(crl.number, hex);
    last = crl.number;
    return crl;
  };

  for (const [round, killedAfter] of KILLED_AFTER.entries()) {
    const { child, adminUrl, statusUrl } = await startEnrollProcess(service.settings.data);
    const { entries } = await look(statusUrl);
    expect(answered.filter((id) => !entries.has(serials.get(id) ?? ''))).toEqual([]);
    let answers = 0;
    const revoke = async (id: string) => {
      const { statusCode } = await request(`${adminUrl}/api/v1/devices/${id}/revoke`, {
        ...{ method: 'POST', dispatcher, body: '{}' },
        headers: { authorization: `Bearer ${service.adminToken}`, 'content-type': 'application/json' },
      });
      if (statusCode >= 300) wrong.push(`${id}: ${statusCode}`);
      answered.push(id);
      answers += 1;
      if (answers === killedAfter) child.kill('SIGKILL');
    };
    const watching = (async () => {
      while (child.exitCode === null && child.signalCode === null) await look(statusUrl);
    })();
    const revoking = ids.slice(round * AT_A_TIME, (round + 1) * AT_A_TIME).map(revoke);
    await Promise.allSettled([...revoking, watching, once(child, 'exit')]);
  }

  const { child, statusUrl } = await startEnrollProcess(service.settings.data);
  const { entries } = await look(statusUrl);
  expect(answered.filter((id) => !entries.has(serials.get(id) ?? ''))).toEqual([]);
  expect(wrong).toEqual([]);
  expect([answered.length, seen.size].map((count) => count >= KILLED_AFTER.length)).toEqual([true, true]);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await dispatcher.destroy();
});
