/** `gatehouse policy …`, `profile …` and `group …` against a real enroll process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { explained } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;

beforeAll(async () => {
  operated = await Operated.start(folder);
});
afterAll(() => operated.close());

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('gatehouse policy, profile and group', () => {
  it('shows a policy as a file that can be changed and applied', async () => {
    const shown = await operated.run('policy show device');
    const path = file('device.yaml', shown.stdout.replace('messagesPerSecond: 100', 'messagesPerSecond: 7'));
    const applied = await operated.run(`policy apply ${path}`);
    expect([applied.code, applied.stdout]).toEqual([
      0,
      expect.stringMatching(/^policy device is in place since .*Z\n$/),
    ]);
    expect(await operated.json('policy show device')).toMatchObject({
      limits: { messagesPerSecond: 7 },
    });
  });

  it('applies what show --json prints', async () => {
    const path = file('reader.json', JSON.stringify(await operated.json('policy show telemetry-reader')));
    expect((await operated.run(`policy apply ${path}`)).code).toBe(0);
  });

  it('refuses a policy that is not valid, naming the field', async () => {
    const { code, stdout, stderr } = await operated.run(
      `policy apply ${file('bad.yaml', 'name: bad\npublish: ["a/#/b"]')}`,
    );
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained(/publish\[0\]: .*/, 'policy_invalid'));
  });

  it('lists policies and profiles', async () => {
    expect((await operated.run('policy list')).stdout).toMatch(/\ntelemetry-reader +0 +1 +0 +.*Z +.*\n/);
    expect((await operated.run('profile list')).stdout).toMatch(
      /^NAME +VALIDITY +KEYS +USAGE +SUBJECT +ALTERNATIVE NAMES +.*\ndevice +90d +ec-p256 .* clientAuth +CN +- +.*\n$/,
    );
  });

  it('makes a group with a policy and a profile of its own', async () => {
    await operated.json(`profile apply ${file('short.yaml', 'name: short\nvalidity: 1d\nkeys: [ec-p256]')}`);
    await operated.json(`policy apply ${file('quiet.yaml', 'name: quiet\npublish: ["quiet/{id}"]')}`);
    const applied = await operated.run(
      `group apply ${file('group.yaml', 'name: quiet\npolicy: quiet\nprofile: short\ndescription: few words\nrenewalGrace: 30d\napproval: required')}`,
    );
    expect(applied.stdout).toMatch(
      /^NAME +POLICY +PROFILE +RENEWAL GRACE +APPROVAL +DESCRIPTION\nquiet +quiet +short +30d +required +few words\n$/,
    );
    expect(await operated.json('group apply --name quiet --policy device --profile short')).toMatchObject({
      policy: 'device',
    });
    expect(await operated.json('group list')).toContainEqual({
      name: 'quiet',
      policy: 'device',
      profile: 'short',
      description: '',
      renewalGrace: 0,
      approval: 'none',
    });
    expect(
      await operated.json('group apply --name quiet --policy device --profile short --renewal-grace 12h'),
    ).toMatchObject({ renewalGrace: 43_200 });
    expect(
      await operated.json('group apply --name quiet --policy device --profile short --approval required'),
    ).toMatchObject({ approval: 'required' });
    const { code } = await operated.run(
      `group apply ${file('never.yaml', 'name: quiet\npolicy: quiet\nprofile: short\nrenewalGrace: soon')}`,
    );
    expect(code).toBe(1);
  });

  it('shows a group as a file that can be applied', async () => {
    const shown = await operated.run('group show devices');
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(/^name: devices\n/)]);
    expect((await operated.run(`group apply ${file('devices.yaml', shown.stdout)}`)).code).toBe(0);
    await operated.json('group apply --name slow --policy device --profile device --renewal-grace 36h');
    expect((await operated.run('group show slow')).stdout).toContain('renewalGrace: 36h\n');
    const { code, stderr } = await operated.run('group show nosuch');
    expect(code).toBe(1);
    expect(stderr).toMatch(explained('there is no group "nosuch"', 'group_unknown'));
  });

  it('shows what a group would change, and changes nothing', async () => {
    await operated.json(`policy apply ${file('mute.yaml', 'name: mute\npublish: ["devices/{id}/status"]')}`);
    await operated.json('group apply --name halls --policy device --profile device');
    const before = [await operated.json('group list'), await operated.json('journal list')];
    expect(
      await operated.run(
        'group apply --name halls --policy mute --profile device --renewal-grace 30d --dry-run',
      ),
    ).toEqual({
      code: 0,
      stdout: [
        'group halls would be changed:',
        '  policy: from "device" to "mute"',
        '  renewalGrace: from none to 30d',
        '  - publish    devices/{id}/telemetry/#',
        '  - subscribe  devices/{id}/commands/#',
        '  - subscribe  groups/{group}/broadcast/#',
        '  limits.messagesPerSecond: from 7 to 100',
        '0 devices are in it; revoked ones do not count',
        '',
      ].join('\n'),
      stderr: 'A dry run: nothing was changed.\n',
    });
    const path = file('lofts.yaml', 'name: lofts\npolicy: mute\nprofile: device');
    expect(await operated.json(`group apply ${path} --dry-run`)).toMatchObject({
      group: 'lofts',
      outcome: 'created',
    });
    const same = 'group apply --name halls --policy device --profile device --dry-run';
    expect((await operated.run(same)).stdout).toBe(
      'group halls stays as it is\n0 devices are in it; revoked ones do not count\n',
    );
    const unknown = await operated.run('group apply --name halls --policy no --profile device --dry-run');
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toMatch(explained('there is no policy "no"', 'policy_unknown'));
    expect([await operated.json('group list'), await operated.json('journal list')]).toEqual(before);
  });
});
