/** A group that requires an operator's word, devices that ask for a place in it, and the operator's calls. */
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import type { RequestView } from '../../core/api/requests.ts';
import type { TokenRequest } from '../../core/api/tokens.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { type Made, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { register } from './factory.ts';

export const DAY = 86_400_000;
const folder = temporaryFolder();
/** The server's clock, which a test may put forward. */
export const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
export let service: TestEnroll;
export let root: Made;
beforeAll(async () => {
  service = await startTestEnroll(folder, { tokenRate: 10_000, enrollRate: 10_000 }, clock);
  await applyGroup('required');
  root = await makeRoot('Acme Root');
  await register(service, 'acme', [root], { group: 'gated' });
});
beforeEach(() => {
  clock.ahead = 0;
});
afterAll(() => service.close());

export const applyGroup = (approval: string, name = 'gated') =>
  service.operator('PUT', `/groups/${name}`, { profile: 'device', policy: 'device', approval });

export interface Applicant {
  readonly token: string;
  readonly tokenId: string;
  readonly privateKey: KeyObject;
  ask(privateKey?: KeyObject, commonName?: string): ReturnType<TestEnroll['enroll']>;
}
export async function applicant(id: string, terms: TokenRequest = {}): Promise<Applicant> {
  const { token, id: tokenId } = await service.createToken({ group: 'gated', ...terms });
  const own = newKey();
  return {
    token,
    tokenId,
    privateKey: own,
    ask: async (privateKey = own, commonName = id) =>
      service.enroll(token, await csrPem({ commonName, privateKey })),
  };
}
/** Asks, which must be put before an operator. @returns the number of the request */
export async function awaiting(answer: ReturnType<TestEnroll['enroll']>): Promise<number> {
  const { status, body } = await answer;
  expect([status, body.code, body.detail]).toEqual([202, undefined, undefined]);
  return body.request;
}
export const decide = (id: number, call: string, body: unknown = {}) =>
  service.operator<RequestView & { code: string }>('POST', `/requests/${id}/${call}`, body);
export const approve = async (id: number) => expect((await decide(id, 'approve')).status).toBe(200);
export const show = async (id: number) =>
  (await service.operator<RequestView>('GET', `/requests/${id}`)).body;

/** Requests that wait already. @returns the function that takes them away */
export function fillQueue(count: number, credential: string, manufacturer: string | null = null): () => void {
  const database = new Sqlite(service.layout.registry.database);
  const fill = database.prepare(`
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO requests (status, device, "group", credential, manufacturer, keyFingerprint, keyKind, address, createdAt,
      expiresAt)
    SELECT 'pending', 'filler-' || n, 'gated', ?, ?, n, 'rsa', '', ?, ? FROM numbers`);
  fill.run(count, credential, manufacturer, clock.now(), clock.now() + DAY);
  return () => {
    database.exec("DELETE FROM requests WHERE device LIKE 'filler-%'");
    database.close();
  };
}
