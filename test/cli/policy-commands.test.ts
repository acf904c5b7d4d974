/** `gatehouse policy test` and `policy apply --dry-run`: what a script and an operator can rely on before a policy acts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperatorCreated } from '../../core/api/operators.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { errorCode, explained } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;
beforeAll(async () => {
  operated = await Operated.start(folder);
  await operated.enrollDevices('dev:3', 'dev:4');
});
afterAll(() => operated.close());

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const narrower = () =>
  file(
    'device.yaml',
    'name: device\npublish: ["devices/{id}/state"]\nsubscribe: ["devices/{id}/commands/#"]\ndeny: ["devices/+/commands/reset"]\nlimits: { maxPayload: 1KB }',
  );
/** As much as could have changed. */
const state = async () => [
  await operated.json('journal list'),
  await operated.json('policy list'),
  await operated.json('group list'),
];
const NOTHING_CHANGED = 'A dry run: nothing was changed.\n';

describe('gatehouse policy test', () => {
  it('ends with 0 where it is allowed, and with 1 where it is denied', async () => {
    const allowed = await operated.run('policy test --device dev:3 --publish devices/dev:3/status');
    expect([allowed.code, allowed.stderr]).toEqual([0, '']);
    expect(allowed.stdout).toMatch(
      /^answer +allowed\nreason +.*\nrule +devices\/dev:3\/status\npolicy +device\ndevice +dev:3, active, of the group devices\n$/,
    );
    const denied = await operated.run('policy test --device dev:3 --subscribe devices/+/commands/#');
    expect([denied.code, denied.stderr]).toEqual([1, '']);
    expect(denied.stdout).toMatch(
      /^answer +denied\nreason +.*only to "devices\/dev:3\/commands\/#"\nrule +-\n/,
    );
  });

  it('prints the same answer with --json, whichever it is', async () => {
    const keys = new Set<string>();
    for (const [topic, code] of [
      ['devices/dev:3/status', 0],
      ['devices/dev:4/status', 1],
    ] as const) {
      for (const flags of ['', ` --file ${file('same.yaml', 'name: x\npublish: ["devices/{id}/status"]')}`]) {
        const run = await operated.run(`policy test --device dev:3 --publish ${topic}${flags} --json`);
        expect([run.code, run.stderr]).toEqual([code, '']);
        const answer = JSON.parse(run.stdout);
        expect(answer.allowed).toBe(code === 0);
        keys.add(Object.keys(answer).join());
      }
    }
    expect([...keys]).toEqual(['device,group,policy,deviceStatus,allowed,rule,reason,refused']);
  });

  it('judges by a file in place of the policy in force, and names the rule', async () => {
    const path = narrower();
    const test = (question: string) => operated.run(`policy test --file ${path} --device dev:3 ${question}`);
    const allowed = await test('--publish devices/dev:3/state');
    expect(allowed.code).toBe(0);
    expect(allowed.stdout).toContain(`\npolicy  device, as ${path} has it\n`);
    expect(allowed.stdout).toMatch(/\nrule +devices\/dev:3\/state\n/);
    expect((await test('--publish devices/dev:3/status')).code).toBe(1);
    const denied = await test('--subscribe devices/dev:3/commands/#');
    expect([denied.code, denied.stdout]).toEqual([
      1,
      expect.stringMatching(/^answer +denied\nreason +.* denies .*\nrule +devices\/\+\/commands\/reset\n/),
    ]);
  });

  it('has no answer where there is nothing to judge by: 1, and nothing on standard output', async () => {
    const cases = [
      [`--file ${join(folder, 'missing.yaml')}`, 'file_unreadable'],
      [`--file ${file('nameless.yaml', 'publish: []')}`, 'document_invalid'],
      [`--file ${file('broken.yaml', 'name: [')}`, 'document_invalid'],
      [`--file ${file('invalid.yaml', 'name: device\npublish: ["a/#/b"]')}`, 'policy_invalid'],
    ] as const;
    for (const [flags, code] of cases) {
      const run = await operated.run(`policy test --device dev:3 --publish a ${flags} --json`);
      expect([run.code, run.stdout, errorCode(run.stderr)]).toEqual([1, '', code]);
    }
    const unknown = await operated.run('policy test --device nosuch --publish a');
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toMatch(explained('there is no device "nosuch"', 'device_unknown'));
  });
});

describe('gatehouse policy apply --dry-run', () => {
  it('shows what would change, and for whom', async () => {
    const { code, stdout, stderr } = await operated.run(`policy apply ${narrower()} --dry-run`);
    expect([code, stdout]).toEqual([
      0,
      [
        'policy device would be changed:',
        '  - publish    devices/{id}/telemetry/#',
        '  - publish    devices/{id}/status',
        '  + publish    devices/{id}/state',
        '  - subscribe  groups/{group}/broadcast/#',
        '  + deny       devices/+/commands/reset',
        '  limits.maxPayload: from 131072 to 1024',
        '  description: from "A device sends its own telemetry and status, and receives its own commands." to ""',
        '2 devices have it, of 1 group: devices (2); revoked ones do not count',
        '',
      ].join('\n'),
    ]);
    expect(stderr).toMatch(
      /^A dry run: nothing was changed\.\nWhich subscriptions would end, only the broker .*--file FILE .*\n$/,
    );
  });

  it('changes nothing, as program or person', async () => {
    const before = await state();
    const fresh = file('fresh.yaml', 'name: fresh\nsubscribe: ["a/#"]');
    expect(await operated.run(`policy apply ${fresh} --dry-run`)).toEqual({
      code: 0,
      stdout: [
        'policy fresh would be created:',
        '  + subscribe  a/#',
        '  + limits.messagesPerSecond: 100',
        '  + limits.bytesPerSecond: 1048576',
        '  + limits.maxPayload: 131072',
        'no group has it: no device is concerned',
        '',
      ].join('\n'),
      stderr: NOTHING_CHANGED,
    });
    expect(await operated.json(`policy apply ${fresh} --dry-run`)).toMatchObject({
      policy: 'fresh',
      outcome: 'created',
      added: { publish: [], subscribe: ['a/#'], deny: [] },
    });
    await operated.run(`policy apply ${narrower()} --dry-run`);
    expect(await state()).toEqual(before);
    expect((await operated.run('policy show fresh')).stderr).toContain('policy_unknown');
  });

  it('says so where nothing would change', async () => {
    const shown = file('shown.yaml', (await operated.run('policy show device')).stdout);
    expect(await operated.run(`policy apply ${shown} --dry-run`)).toEqual({
      code: 0,
      stdout:
        'policy device stays as it is\n2 devices have it, of 1 group: devices (2); revoked ones do not count\n',
      stderr: NOTHING_CHANGED,
    });
  });

  it('refuses what apply refuses, in the same words', async () => {
    for (const [content, code] of [
      ['name: bad\npublish: ["a/#/b"]', 'policy_invalid'],
      ['name: bad\nlimits: { maxPayload: much }', 'policy_invalid'],
      ['name: bad\npublsh: []', 'policy_invalid'],
      ['publish: []', 'document_invalid'],
    ] as const) {
      const path = file('bad.yaml', content);
      const applied = await operated.run(`policy apply ${path}`);
      expect([applied.code, applied.stderr]).toEqual([1, expect.stringContaining(`\ncode: ${code}\n`)]);
      expect(await operated.run(`policy apply ${path} --dry-run`)).toEqual(applied);
    }
  });

  it('is for viewers too', async () => {
    const { body } = await operated.enroll.operator<OperatorCreated>('POST', '/operators', {
      name: 'vera',
      role: 'viewer',
    });
    const asViewer = (command: string) => operated.run(`${command} --token ${body.token}`);
    expect((await asViewer(`policy apply ${narrower()} --dry-run`)).code).toBe(0);
    const applied = await asViewer(`policy apply ${narrower()}`);
    expect([applied.code, applied.stderr]).toEqual([
      1,
      expect.stringContaining('operator_role_insufficient'),
    ]);
  });

  it('shows nothing of a rule that could move the cursor', async () => {
    const path = file('odd.yaml', `name: odd\ndescription: "\\e[2J"\npublish: ["a/\\u202eb"]`);
    const { stdout } = await operated.run(`policy apply ${path} --dry-run`);
    expect(stdout).toContain('  + publish    a/\\u202eb\n');
    for (const character of ['\u001b', '\u202e']) expect(stdout).not.toContain(character);
  });
});
