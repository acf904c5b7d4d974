/** `gatehouse device explain` and what `policy test` tells of refusals: transcripts, whatever a device calls its topics. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import type { Report } from '../../registry/reports/report.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { errorCode } from './transcript.ts';

const folder = temporaryFolder();
const press = parseDeviceId('press-7');
/** A terminal would be cleared, and its title set. */
const HOSTILE = 'devices/\u001b[2J\u001b]0;x\u0007/\u202e\n$(reboot)';
let operated: Operated;

beforeAll(async () => {
  operated = await Operated.start(folder);
  await operated.enrollDevices(press);
  const now = Date.now();
  const counted = {
    detail: 'policy "device" does not grant it',
    serialNumber: null,
    clientId: press,
    address: '192.0.2.7',
    firstAt: now,
    lastAt: now,
  };
  const reports: Report[] = [
    { kind: 'run', startedAt: now, lastAt: now, endedAt: null },
    {
      kind: 'sighting',
      device: press,
      run: now,
      connectedAt: now,
      disconnectedAt: now,
      reason: 'publish_denied',
      sessions: 0,
      clientId: press,
      address: '192.0.2.7',
      tlsVersion: 'TLSv1.2',
      serialNumber: '01',
    },
    {
      kind: 'refusal',
      device: press,
      action: 'publish',
      rule: 'publish_denied',
      topic: 'a/b',
      count: 41,
      ...counted,
    },
    {
      kind: 'refusal',
      device: press,
      action: 'publish',
      rule: 'publish_denied',
      topic: HOSTILE,
      count: 1,
      ...counted,
    },
    {
      kind: 'claim',
      claimed: press,
      action: 'connect',
      rule: 'certificate_untrusted',
      topic: null,
      count: 2,
      ...counted,
    },
  ];
  const { layout } = operated.enroll;
  await (await ReportWriter.open(layout.reports, 0)).write(reports);
  const view = await openRegistryView({ file: layout.registry.database });
  await eventually(async () => (await view.observations.lastReport()) === 1);
  await view.close();
});
afterAll(() => operated.close());

describe('gatehouse device explain', () => {
  it('tells how it stands, what was refused, and what to do, in that order', async () => {
    const { code, stdout, stderr } = await operated.run('device explain press-7');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ID +press-7\nstatus +active\n/);
    expect(stdout).toMatch(
      /\nseen +offline since .*publish_denied.*as press-7 from 192\.0\.2\.7, TLSv1\.2\n/,
    );
    expect(stdout).toMatch(/\nRefused\nTIMES +LAST .*\n/);
    expect(stdout).toMatch(/\n41 +\S+Z +publish +publish_denied +a\/b /);
    expect(stdout).toMatch(
      /\nRefused to others who claimed to be press-7\nTIMES .*\n2 .*certificate_untrusted/,
    );
    expect(stdout).toMatch(
      /\nHow it stands\n- It has been offline since .*\n- Refused by publish_denied, 42 times since /,
    );
    expect(stdout).toMatch(
      /\nWhat to do\n(- .*\n)*- gatehouse policy test --device press-7 --publish TOPIC tells the rule\.\n/,
    );
  });

  it('lets no topic move the cursor, or begin a line', async () => {
    const { stdout } = await operated.run('device explain press-7');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(stdout).toContain('\\u001b[2J');
    expect(stdout).not.toMatch(/^\$\(reboot\)/m);
  });

  it('prints JSON alone for programs', async () => {
    const explanation = await operated.json('device explain press-7');
    expect(explanation).toMatchObject({
      id: press,
      policy: 'device',
      device: { presence: { status: 'offline', reason: 'publish_denied' } },
      claims: [{ count: 2 }],
    });
    expect(explanation.items.map(({ topic }: { topic: string }) => topic).sort()).toEqual(['a/b', HOSTILE]);
  });

  it('knows what to say of an ID that no device has, and takes nothing else for one', async () => {
    const { code, stdout } = await operated.run('device explain press-8');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^There is no device press-8\.\n\nRefused\nNothing that is remembered\.\n/);
    expect(stdout).toContain('gatehouse token create --device press-8');
    const misused = await operated.run('device explain ../press --json');
    expect([misused.code, misused.stdout, errorCode(misused.stderr)]).toEqual([2, '', 'usage_invalid']);
  });
});

describe('gatehouse device list', () => {
  it('tells when each was seen', async () => {
    expect((await operated.run('device list')).stdout).toMatch(/ SEEN\npress-7 .*Z +\S+Z +\S+Z\n$/);
  });
});

describe('gatehouse policy test', () => {
  it('tells how often the broker refused just that', async () => {
    const { stdout } = await operated.run('policy test --device press-7 --publish a/b');
    expect(stdout).toMatch(
      /^answer +denied\n(.*\n)*refused +41 times since \S+Z, last at \S+Z, by publish_denied: policy "device" does not grant it\n/,
    );
    const { stdout: other } = await operated.run('policy test --device press-7 --publish a/c');
    expect(other).not.toContain('refused');
  });

  it('does not pass what was refused before off as what would be refused now', async () => {
    await operated.enroll.operator('PUT', '/policies/wide', { publish: ['a/#'], subscribe: [] });
    const moved = await operated.run('group apply --name wide --policy wide --profile device');
    expect(moved.stderr).toMatch(/^devices of wide have its policy within a second, without reconnecting: /);
    const set = await operated.run('device set press-7 --group wide');
    expect(set.stderr).toMatch(
      /^sessions of press-7 have what its group and attributes grant within a second/,
    );
    const { stdout } = await operated.run('policy test --device press-7 --publish a/b');
    expect(stdout).toMatch(
      /^answer +allowed\n(.*\n)*refused +41 times .*; the policy of now does not refuse it\n/,
    );
    const { stdout: explained } = await operated.run('device explain press-7');
    expect(explained).toMatch(/\nRefused before, and over\nTIMES .*\n41 .* its policy grants it now\n/);
    expect(explained).not.toMatch(/\n41 .*policy "device" does not grant it\n/);
    expect(explained).toMatch(
      /\nWhat the broker sees and refuses is known here after 10 seconds at the latest\.\n$/,
    );
  });
});
