/** A group tried out over the operator API: what applying it would change, and nothing that did. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { GroupDryRun } from '../../core/api/groups.ts';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { Problem } from '../../core/api/problem.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let viewer: string;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  await service.operator('PUT', '/policies/quiet', {
    publish: ['devices/{id}/status'],
    deny: ['x'],
    limits: { messagesPerSecond: 5 },
  });
  await service.operator('PUT', '/groups/gates', { policy: 'device', profile: 'device' });
  for (const id of ['g-1', 'g-2', 'g-3'])
    await service.operator('POST', '/devices', { id, group: 'gates', attributes: {} });
  await service.operator('POST', '/devices/g-2/suspend');
  await service.operator('POST', '/devices/g-3/revoke');
  viewer = (await service.operator<OperatorCreated>('POST', '/operators', { name: 'vera', role: 'viewer' }))
    .body.token;
});
afterAll(() => service.close());

const state = async () => [
  (await service.operator('GET', '/groups')).body,
  (await service.operator('GET', '/journal?limit=10000')).body,
];
const dryRun = (group: object, token?: string) =>
  service.operator<GroupDryRun>('POST', '/groups/dry-run', { profile: 'device', ...group }, token);

it('a dry run tells what would change of a group, and of what its devices may do', async () => {
  const before = await state();
  const changed = { name: 'gates', policy: 'quiet', approval: 'required', renewalGrace: '30d' };
  for (const token of [undefined, viewer]) {
    const { status, body } = await dryRun(changed, token);
    expect([status, body]).toEqual([
      200,
      {
        group: 'gates',
        outcome: 'changed',
        changes: [
          { field: 'policy', from: 'device', to: 'quiet' },
          { field: 'renewalGrace', from: 0, to: 2_592_000 },
          { field: 'approval', from: 'none', to: 'required' },
        ],
        rules: {
          added: { publish: [], subscribe: [], deny: ['x'] },
          removed: {
            publish: ['devices/{id}/telemetry/#'],
            subscribe: ['devices/{id}/commands/#', 'groups/{group}/broadcast/#'],
            deny: [],
          },
          limits: [{ limit: 'messagesPerSecond', from: 100, to: 5 }],
        },
        devices: 2,
      },
    ]);
  }
  expect((await dryRun({ name: 'gates', policy: 'device' })).body).toEqual({
    group: 'gates',
    outcome: 'unchanged',
    changes: [],
    rules: null,
    devices: 2,
  });
  expect((await dryRun({ name: 'new', policy: 'quiet' })).body).toMatchObject({
    outcome: 'created',
    rules: { added: { publish: ['devices/{id}/status'] } },
    devices: 0,
  });
  expect(await state()).toEqual(before);
});

it.each([
  ['a policy that there is not', { policy: 'nosuch' }, 'policy_unknown'],
  ['a profile that there is not', { policy: 'quiet', profile: 'nosuch' }, 'profile_unknown'],
  ['a grace that is none', { policy: 'quiet', renewalGrace: 'soon' }, 'request_invalid'],
  ['a field that there is not', { policy: 'quiet', dryRun: false }, 'request_invalid'],
])('a dry run with %s is refused as applying it is', async (_what, terms, code) => {
  const words = ({ status, body: { code: of, detail } }: { status: number; body: Problem }) => [
    status,
    of,
    detail,
  ];
  const group = { profile: 'device', ...terms };
  const applied = words(await service.operator<Problem>('PUT', '/groups/gates', group));
  expect(applied[1]).toBe(code);
  const tried = await service.operator<Problem>('POST', '/groups/dry-run', { ...group, name: 'gates' });
  expect(words(tried)).toEqual(applied);
});
