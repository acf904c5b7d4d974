/** `gatehouse device …` against a real enroll process. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { errorCode, explained } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;

beforeAll(async () => {
  operated = await Operated.start(folder);
  await operated.enrollDevices('dev1', 'dev10', 'dev2', 'dev:3');
});
afterAll(() => operated.close());

describe('gatehouse device', () => {
  it('lists devices, all or some', async () => {
    const { stdout } = await operated.run('device list');
    expect(stdout).toMatch(
      /^ID +STATUS +GROUP +ATTRIBUTES +ENROLLED +CHANGED +SEEN\ndev1 +active +devices +- +/,
    );
    expect(await operated.json('device list --group services')).toEqual([]);
    const listed = await operated.json('device list --group devices --status active');
    expect(listed.map(({ id }: { id: string }) => id)).toEqual(['dev1', 'dev10', 'dev2', 'dev:3']);
  });

  it('shows one with its certificates', async () => {
    const { code, stdout } = await operated.run('device show dev:3');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ID +dev:3\nstatus +active\ngroup +devices\n/);
    expect(stdout).toMatch(/\n\nCERTIFICATE +STATUS.*\n[0-9A-F]{32,40} {2}active +.*Z +.*Z +- +-\n$/);
    expect(await operated.json('device show dev:3')).toMatchObject({
      certificates: [{ pem: expect.stringMatching(/^-----BEGIN/) }],
    });
  });

  it('sets attributes one by one, takes them away, and moves a device', async () => {
    await operated.json('device set dev2 --attr site=north --attr line=3=b');
    expect((await operated.json('device set dev2 --attr site=south')).attributes).toEqual({
      site: 'south',
      line: '3=b',
    });
    const moved = await operated.json('device set dev2 --attr site= --group services');
    expect([moved.attributes, moved.group]).toEqual([{ line: '3=b' }, 'services']);
    await operated.json('device set dev2 --group devices');
  });

  it('suspends and resumes', async () => {
    expect(await operated.run('device suspend dev1')).toEqual({
      code: 0,
      stdout: 'dev1 is suspended\n',
      stderr: '',
    });
    expect(await operated.run('device resume dev1')).toEqual({
      code: 0,
      stdout: 'dev1 is active\n',
      stderr: '',
    });
  });

  it('revokes one with its reason, for good', async () => {
    expect(await operated.json('device revoke dev1 --reason keyCompromise')).toMatchObject({
      counts: { devices: 1, certificates: 1 },
      devices: [{ id: 'dev1', status: 'revoked' }],
    });
    expect((await operated.json('device show dev1')).certificates).toMatchObject([
      { status: 'revoked', reason: 'keyCompromise' },
    ]);
    expect((await operated.json('device show dev10')).status).toBe('active');
    const { code, stdout, stderr } = await operated.run('device resume dev1');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained('device "dev1" is revoked', 'device_revoked'));
  });

  it('revokes several, or none of them where one is not there', async () => {
    const refused = await operated.run('device revoke dev10 nosuch dev2');
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(
      /^error: 1 of 3 cannot be changed so, and none was\n {2}there is no device "nosuch" \(device_unknown\)\ncode: list_refused\n/,
    );
    const { stderr } = await operated.run('device revoke dev10 nosuch dev2 --json');
    expect(JSON.parse(stderr).error.errors).toEqual([
      { name: 'nosuch', code: 'device_unknown', detail: 'there is no device "nosuch"' },
    ]);
    expect((await operated.json('device show dev10')).status).toBe('active');
    expect(await operated.run('device revoke dev10 dev2 dev10')).toEqual({
      code: 0,
      stdout: 'dev10 is revoked\ndev2 is revoked\n',
      stderr: '',
    });
    expect((await operated.run('device revoke dev10 dev2')).stdout).toBe(
      'dev10 is revoked already\ndev2 is revoked already\n',
    );
  });

  it('prints nothing for programs where the only one is not there', async () => {
    const { code, stdout, stderr } = await operated.run('device revoke nosuch --json');
    expect([code, stdout, errorCode(stderr)]).toEqual([1, '', 'device_unknown']);
  });
});
