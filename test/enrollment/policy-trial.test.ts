/** Policies tried out over the operator API, by a document that is not in force: nothing of it is left. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { PolicyDryRun, PolicyTestResult } from '../../core/api/policies.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let viewer: string;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  for (const id of ['a-1', 'a-2', 'a-3', 'a-4']) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { token } = await service.createToken({ device: id });
    await service.enroll(token, await csrPem({ commonName: id, privateKey }));
  }
  await service.operator('PUT', '/groups/gates', { policy: 'device', profile: 'device' });
  await service.operator('PATCH', '/devices/a-2', { group: 'gates' });
  await service.operator('POST', '/devices/a-3/suspend');
  await service.operator('POST', '/devices/a-4/revoke');
  viewer = (await service.operator<OperatorCreated>('POST', '/operators', { name: 'vera', role: 'viewer' }))
    .body.token;
});
afterAll(() => service.close());

/** What could have changed, and how far the journal goes; a list of revoked certificates may be issued meanwhile. */
async function state() {
  const get = async <T>(path: string) => (await service.operator<T>('GET', path)).body;
  const journal = await get<{ items: readonly JournalRow[] }>('/journal?limit=10000');
  const head = journal.items.findLast(({ event }) => event.action !== 'crl.issued');
  return { head, policies: await get('/policies'), groups: await get('/groups') };
}
const dryRun = (document: object, token?: string) =>
  service.operator<PolicyDryRun>('POST', '/policies/dry-run', { document }, token);
const test = async (question: object) =>
  (await service.operator<PolicyTestResult>('POST', '/policies/test', { device: 'a-1', ...question })).body;

const narrower = {
  name: 'device',
  publish: ['devices/{id}/telemetry/#'],
  subscribe: ['devices/{id}/commands/#', 'groups/{group}/broadcast/#'],
  deny: ['devices/+/secret'],
  limits: { messagesPerSecond: 7 },
};
/** Each is refused by the same words wherever it is given. */
const bad: readonly (readonly [string, object])[] = [
  ['with a rule that is no filter', { name: 'device', publish: ['a/#/b'] }],
  ['with a field that there is not', { name: 'device', publsh: [] }],
  ['with a variable that there is not', { name: 'device', deny: ['a/{site}'] }],
  ['with a limit of nothing', { name: 'device', limits: { maxPayload: 0 } }],
  ['with a grant that begins with $', { name: 'device', publish: ['$SYS/x'] }],
];

describe('a dry run of a policy', () => {
  it('tells what would change, and for whom; revoked devices are not counted', async () => {
    const { status, body } = await dryRun(narrower);
    expect([status, body]).toEqual([
      200,
      {
        policy: 'device',
        outcome: 'changed',
        added: { publish: [], subscribe: [], deny: ['devices/+/secret'] },
        removed: { publish: ['devices/{id}/status'], subscribe: [], deny: [] },
        limits: [{ limit: 'messagesPerSecond', from: 100, to: 7 }],
        description: {
          from: 'A device sends its own telemetry and status, and receives its own commands.',
          to: '',
        },
        groups: [
          { name: 'devices', devices: 2 },
          { name: 'gates', devices: 1 },
        ],
      },
    ]);
  });

  it('changes nothing, and leaves no row in the journal', async () => {
    const before = await state();
    await dryRun(narrower);
    await dryRun({ ...narrower, name: 'not-there' });
    await test({ document: narrower, publish: 'devices/a-1/status' });
    expect(await state()).toEqual(before);
    expect((await service.operator<Problem>('GET', '/policies/not-there')).body.code).toBe('policy_unknown');
  });

  it('tells what applying it then does', async () => {
    const document = { name: 'applied', publish: ['a'], description: 'x' };
    expect((await dryRun(document)).body).toMatchObject({ outcome: 'created', groups: [] });
    expect((await service.operator('PUT', '/policies/applied', document)).status).toBe(200);
    expect((await dryRun(document)).body).toMatchObject({ outcome: 'unchanged', limits: [] });
  });

  it('is for viewers too, who may not apply it', async () => {
    expect((await dryRun(narrower, viewer)).body).toMatchObject({ outcome: 'changed' });
    const applied = await service.operator<Problem>('PUT', '/policies/device', narrower, viewer);
    expect([applied.status, applied.body.code]).toEqual([403, 'operator_role_insufficient']);
    expect((await service.operator('POST', '/policies/dry-run', { document: narrower }, null)).status).toBe(
      401,
    );
  });

  it.each(bad)('of a document %s is refused as it would be refused to apply', async (_what, document) => {
    const words = ({ status, body: { code, detail } }: { status: number; body: Problem }) => [
      status,
      code,
      detail,
    ];
    const applied = words(await service.operator<Problem>('PUT', '/policies/device', document));
    expect(applied.slice(0, 2)).toEqual([400, 'policy_invalid']);
    const tried = await service.operator<Problem>('POST', '/policies/dry-run', { document });
    expect(words(tried)).toEqual(applied);
    const question = { device: 'a-1', publish: 'a', document };
    expect(words(await service.operator<Problem>('POST', '/policies/test', question))).toEqual(applied);
  });

  it.each([
    ['without a name', { document: { publish: [] } }, 'policy_invalid'],
    ['without a document', {}, 'request_invalid'],
    ['with more than a document', { document: narrower, dryRun: false }, 'request_invalid'],
  ])('%s is refused', async (_what, body, code) => {
    const answer = await service.operator<Problem>('POST', '/policies/dry-run', body);
    expect([answer.status, answer.body.code]).toEqual([400, code]);
  });
});

describe('a test of a policy that is not in force', () => {
  it('decides by its rules, filled in for the device as it is registered', async () => {
    const document = { name: 'other', publish: ['g/{group}/{id}'], subscribe: ['s/#'], deny: ['s/{id}/#'] };
    const those = { device: 'a-1', group: 'devices', policy: 'other', deviceStatus: 'active', refused: null };
    expect(await test({ document, publish: 'g/devices/a-1' })).toEqual({
      ...those,
      allowed: true,
      rule: 'g/devices/a-1',
      reason: 'granted by g/devices/a-1',
    });
    expect(await test({ document, subscribe: 's/+/x' })).toEqual({
      ...those,
      allowed: false,
      rule: 's/a-1/#',
      reason: 'policy "other" denies "s/a-1/#", and "s/+/x" reaches it',
    });
    // The policy in force grants this one, and is not asked.
    expect(await test({ document, publish: 'devices/a-1/status' })).toMatchObject({ allowed: false });
    expect(await test({ publish: 'devices/a-1/status' })).toMatchObject({ allowed: true, policy: 'device' });
  });

  it('allows nothing to a device that is suspended or revoked', async () => {
    const document = { name: 'other', publish: ['#'] };
    for (const [device, deviceStatus] of [
      ['a-3', 'suspended'],
      ['a-4', 'revoked'],
    ]) {
      expect(await test({ device, document, publish: 'a' })).toMatchObject({ allowed: false, deviceStatus });
    }
  });

  it('knows no device that is not registered', async () => {
    expect(await test({ device: 'nosuch', document: narrower, publish: 'a' })).toMatchObject({
      code: 'device_unknown',
    });
  });
});
