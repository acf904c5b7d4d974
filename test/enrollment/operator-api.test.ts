/** The operator API: nobody without a token, nobody beyond their role, everything in the journal. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail, DeviceView } from '../../core/api/devices.ts';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { Page } from '../../core/api/page.ts';
import type { PolicyTestResult } from '../../core/api/policies.ts';
import type { Problem } from '../../core/api/problem.ts';
import { verifyChain } from '../../core/journal/chain.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  for (const id of ['a-1', 'a-2', 'b-1']) await enroll(id);
});
afterAll(() => service.close());

async function enroll(id: string): Promise<string> {
  const { token } = await service.createToken({ device: id });
  const { body } = await service.enroll(
    token,
    await csrPem({ commonName: id, privateKey: await generatePrivateKey() }),
  );
  return body.certificate;
}
const createOperator = async (name: string, role: string) =>
  (await service.operator<OperatorCreated>('POST', '/operators', { name, role })).body.token;
async function journal(): Promise<readonly JournalRow[]> {
  return (await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000')).body.items;
}

describe('who may call', () => {
  const paths = [
    '/devices',
    '/tokens',
    '/groups',
    '/policies',
    '/profiles',
    '/journal',
    '/issuers',
    '/operators',
    '/nothing',
  ];
  it.each(paths)('%s answers nobody without an operator token', async (path) => {
    for (const token of [
      null,
      'nonsense',
      `gho_${'0'.repeat(12)}_${'A'.repeat(43)}`,
      (await service.createToken()).token,
    ]) {
      const { status, body } = await service.operator<Problem>('GET', path, undefined, token);
      expect([status, body.code]).toEqual([
        401,
        token === null ? 'operator_token_missing' : 'operator_token_invalid',
      ]);
      expect(service.log.at(-1)).not.toHaveProperty('actor');
    }
  });

  it('a viewer looks and changes nothing', async () => {
    const viewer = await createOperator('watcher', 'viewer');
    expect((await service.operator('GET', '/devices', undefined, viewer)).status).toBe(200);
    for (const [method, path, body] of [
      ['POST', '/devices/a-1/revoke', {}],
      ['POST', '/tokens', {}],
      ['PUT', '/groups/devices', { profile: 'device', policy: 'device' }],
      ['GET', '/operators', undefined],
    ] as const) {
      const answer = await service.operator<Problem>(method, path, body, viewer);
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, 'operator_role_insufficient']);
    }
  });

  it('an operator handles devices but not policies', async () => {
    const operator = await createOperator('shift', 'operator');
    expect((await service.operator('POST', '/tokens', {}, operator)).status).toBe(201);
    const denied = await service.operator<Problem>('PUT', '/policies/device', { publish: ['#'] }, operator);
    expect(denied.body.code).toBe('operator_role_insufficient');
    expect(service.log.at(-1)).toMatchObject({
      rule: 'operator_role_insufficient',
      actor: 'operator:shift',
      route: '/api/v1/policies/:name',
    });
  });

  it('a removed operator is nobody', async () => {
    const token = await createOperator('leaver', 'admin');
    expect((await service.operator('DELETE', '/operators/leaver')).status).toBe(204);
    expect((await service.operator('GET', '/devices', undefined, token)).status).toBe(401);
  });

  it('the last admin cannot be removed', async () => {
    expect((await service.operator<Problem>('DELETE', '/operators/admin')).body.code).toBe(
      'operator_last_admin',
    );
  });
});

describe('devices', () => {
  it('come in pages, in the order of their IDs, by group and status', async () => {
    const first = await service.operator<Page<DeviceView>>('GET', '/devices?limit=2');
    expect(first.body.items.map(({ id }) => id)).toEqual(['a-1', 'a-2']);
    const second = await service.operator<Page<DeviceView>>(
      'GET',
      `/devices?limit=2&after=${first.body.next}`,
    );
    expect([second.body.items.map(({ id }) => id), second.body.next]).toEqual([['b-1'], null]);
    const none = await service.operator<Page<DeviceView>>('GET', '/devices?group=services&status=active');
    expect(none.body.items).toEqual([]);
  });

  it('revoked twice are revoked once', async () => {
    await enroll('c-1');
    const first = await service.operator<DeviceDetail>('POST', '/devices/c-1/revoke', {
      reason: 'keyCompromise',
    });
    const again = await service.operator<DeviceDetail>('POST', '/devices/c-1/revoke', {
      reason: 'superseded',
    });
    expect(first.body).toMatchObject({
      status: 'revoked',
      certificates: [{ status: 'revoked', reason: 'keyCompromise' }],
    });
    expect(again.body).toEqual(first.body);
    const rows = (await journal()).filter(
      ({ event }) => event.action === 'device.revoked' && event.subject === 'c-1',
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.actor).toBe('operator:admin');
  });

  it('revoked cannot be suspended or resumed', async () => {
    for (const action of ['suspend', 'resume']) {
      expect((await service.operator<Problem>('POST', `/devices/c-1/${action}`)).body.code).toBe(
        'device_revoked',
      );
    }
  });

  it('move to another group and get attributes', async () => {
    const change = { group: 'services', attributes: { site: 'berlin' } };
    expect((await service.operator<DeviceDetail>('PATCH', '/devices/b-1', change)).body).toMatchObject(
      change,
    );
    const unknown = await service.operator<Problem>('PATCH', '/devices/b-1', { group: 'nowhere' });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'group_unknown']);
  });

  it.each([
    ['/devices/unknown', 404, 'device_unknown'],
    ['/devices/a%2Fb', 400, 'device_id_invalid'],
    ['/devices?limit=0', 400, 'request_invalid'],
    ['/certificates/zz', 400, 'serial_number_invalid'],
    ['/policies/none', 404, 'policy_unknown'],
    ['/profiles/none', 404, 'profile_unknown'],
  ])('%s is refused with %i %s', async (path, status, code) => {
    const answer = await service.operator<Problem>('GET', path);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });
});

describe('policies', () => {
  it('that are not valid leave the old one in place', async () => {
    const before = (await service.operator('GET', '/policies/device')).body;
    for (const [document, code] of [
      [{ publish: ['a/#/b'] }, 'policy_invalid'],
      [{ publsh: [] }, 'policy_invalid'],
      [{ name: 'other', publish: [] }, 'request_invalid'],
    ] as const) {
      expect((await service.operator<Problem>('PUT', '/policies/device', document)).body.code).toBe(code);
    }
    expect((await service.operator('GET', '/policies/device')).body).toEqual(before);
  });

  it('are tested with the decision that the broker takes', async () => {
    const test = async (question: object) =>
      (await service.operator<PolicyTestResult>('POST', '/policies/test', { device: 'a-1', ...question }))
        .body;
    expect(await test({ publish: 'devices/a-1/telemetry' })).toMatchObject({
      allowed: true,
      policy: 'device',
    });
    expect(await test({ publish: 'devices/a-2/telemetry' })).toMatchObject({ allowed: false, rule: null });
    expect(await test({ subscribe: '#' })).toMatchObject({ allowed: false });
  });

  it('that a group names must exist', async () => {
    const answer = await service.operator<Problem>('PUT', '/groups/lost', {
      profile: 'device',
      policy: 'nowhere',
    });
    expect([answer.status, answer.body.code]).toEqual([404, 'policy_unknown']);
  });
});

describe('the journal', () => {
  it('verifies from its first row and holds no secret', async () => {
    const rows = await journal();
    expect(verifyChain(rows).seq).toBe(rows.length);
    const text = JSON.stringify(rows);
    expect(text).not.toMatch(/gh[eo]_/);
    expect(text).not.toContain('PRIVATE KEY');
  });
});

describe('openapi.json', () => {
  it('describes every call', async () => {
    const { body } = await service.call<{ paths: Record<string, object> }>(
      `${service.adminUrl}/api/openapi.json`,
    );
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/api/v1/devices',
        '/api/v1/devices/{id}/revoke',
        '/api/v1/tokens',
        '/api/v1/journal',
        '/api/v1/operators',
        '/api/v1/blocked-keys',
      ]),
    );
    expect(body.paths['/api/v1/devices/import']).toMatchObject({
      post: { requestBody: { content: { 'application/x-ndjson': {} } } },
    });
  });
});
