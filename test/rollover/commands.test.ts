/** `gatehouse ca …` as operators read it. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuerStatusView } from '../../core/api/issuers.ts';
import { Operated } from '../cli/operated.ts';
import { explained } from '../cli/transcript.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let operated: Operated;
let oldIssuing: string;
beforeAll(async () => {
  operated = await Operated.start(folder);
  oldIssuing = (await operated.json('ca status')).issuers[1].fingerprint;
});
afterAll(() => operated.close());

describe('gatehouse ca status', () => {
  it('shows the CAs before there is any device', async () => {
    const { code, stdout } = await operated.run('ca status');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^KIND +STATUS +SUBJECT +NOT AFTER +DEVICES +SHA-256\nroot +active +CN=Gatehouse Root CA/,
    );
    expect(stdout).toMatch(/\n\nno device has a certificate that stands\n$/);
  });
});

/** The listeners look at their certificate's file once a second: until then, the old root is what they lead to. */
async function untilServedUnderTheNewRoot(): Promise<void> {
  const { issuers } = await operated.json('ca status');
  const isNew = ({ kind, status }: IssuerStatusView) => kind === 'root' && status === 'active';
  const file = join(folder, 'new-root.pem');
  writeFileSync(file, issuers.find(isNew).pem);
  const status = `ca status --ca ${file} --token ${operated.enroll.adminToken}`;
  await eventually(async () => (await operated.run(status)).code === 0);
}

describe('gatehouse ca rotate and retire', () => {
  it('without the key of the root says where it is missed', async () => {
    const { layout } = operated.enroll;
    const [{ fingerprint }] = (await operated.json('ca status')).issuers;
    const [key, safe] = [layout.ca.rootKey(fingerprint), join(folder, 'safe')];
    renameSync(key, safe);
    const { code, stdout, stderr } = await operated.run('ca rotate');
    renameSync(safe, key);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained(/.*root-.*\.key\.pem.*/, 'ca_key_missing'));
  });

  it('with nothing to retire says so', async () => {
    const text = 'no issuing CA is retiring; gatehouse ca rotate begins a rollover\n';
    expect((await operated.run('ca retire')).stdout).toBe(text);
    expect((await operated.run('ca retire --dry-run')).stdout).toBe(text);
    expect(await operated.json('ca retire')).toEqual([]);
  });

  it('rotates, and says what is going on', async () => {
    await operated.enrollDevices(...Array.from({ length: 22 }, (_, index) => `old-${index + 10}`));
    const { code, stdout, stderr } = await operated.run('ca rotate');
    expect([code, stdout]).toEqual([
      0,
      'CN=Gatehouse Issuing CA 2 issues from now on; devices move as they renew\n',
    ]);
    expect(stderr).toBe('gatehouse ca status shows how far it is.\n');
    await operated.enrollDevices('new-1', 'new-2', 'new-3');
    const status = await operated.run('ca status');
    expect(status.stdout).toMatch(/\nissuing +retiring +CN=Gatehouse Issuing CA +\S+ +22 /);
    expect(status.stdout).toMatch(/\nissuing +active +CN=Gatehouse Issuing CA 2 +\S+ +3 /);
    expect(status.stdout).toMatch(/\n\n3 of 25 devices \(12 %\) are on the active issuing CA\n$/);
    expect(await operated.json('ca status')).toMatchObject({ devices: 25, moved: 3 });
  });

  it('--dry-run says whom it would lock out, and does nothing', async () => {
    const { code, stdout } = await operated.run('ca retire --dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Without CN=Gatehouse Issuing CA, 22 devices would be locked out:\n {2}old-10\n[\s\S]*\n {2}old-29\n {2}and 2 more\n$/,
    );
    const [consequence] = await operated.json('ca retire --dry-run');
    expect(consequence).toMatchObject({ fingerprint: oldIssuing, kind: 'issuing' });
    expect(consequence.dependents).toHaveLength(22);
    expect((await operated.json('ca status')).issuers[1].status).toBe('retiring');
  });

  it.each(['', ' --lock-out 21'])('is refused%s while 22 depend on it, who are named first', async (flag) => {
    const { code, stdout, stderr } = await operated.run(`ca retire${flag}`);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Without CN=Gatehouse Issuing CA, 22 devices would be locked out:\n {2}old-10\n/);
    expect(stderr).toMatch(/22 devices would be locked out by the end of CN=Gatehouse Issuing CA/);
    expect(stderr).toContain('issuer_in_use');
  });

  it.each([
    ['nosuch', 'there is no CA "nosuch"'],
    ['0123456789', 'there is no CA "0123456789"'],
  ])('that is called %s is not there', async (name, text) => {
    const { code, stderr } = await operated.run(`ca retire ${name}`);
    expect(code).toBe(1);
    expect(stderr).toContain(text);
    expect(stderr).toContain('issuer_unknown');
  });

  it('retires by the beginning of the fingerprint, where that many may be locked out', async () => {
    const { code, stdout } = await operated.run(`ca retire ${oldIssuing.slice(0, 12)} --lock-out 22`);
    expect([code, stdout]).toEqual([0, 'CN=Gatehouse Issuing CA is retired; locked out: 22\n']);
    expect((await operated.run('ca status')).stdout).toMatch(/\n3 of 3 devices \(100 %\) are on/);
  });

  it('with --root says what to do with the new root, and leaves the old one to be named', async () => {
    const rotated = await operated.run('ca rotate --root');
    expect(rotated.stderr).toMatch(/^The new root is [0-9a-f]{64}\. Give it to whoever trusts the old one/);
    await untilServedUnderTheNewRoot();
    const { code, stdout, stderr } = await operated.run('ca retire --lock-out 3');
    expect([code, stdout]).toEqual([0, 'CN=Gatehouse Issuing CA 2 is retired; locked out: 3\n']);
    const [, prefix = ''] = /gatehouse ca retire ([0-9a-f]{16})\n$/.exec(stderr) ?? [];
    const warned = await operated.run(`ca retire ${prefix}`);
    expect([warned.code, warned.stdout]).toEqual([0, 'CN=Gatehouse Root CA is retired; locked out: 0\n']);
    expect(warned.stderr).toMatch(/^Without the root CN=Gatehouse Root CA, devices that trust no other root/);
    const { issuers } = await operated.json('ca status');
    expect(issuers.map((one: { status: string }) => one.status)).toEqual([
      'retired',
      'retired',
      'retired',
      'active',
      'active',
    ]);
  });

  it('where the key of the root has gone again, says that its CRL does not tell of it', async () => {
    const { layout } = operated.enroll;
    await operated.run('ca rotate');
    const { issuers } = await operated.json('ca status');
    const { fingerprint } = issuers.find(
      (one: { kind: string; status: string }) => one.kind === 'root' && one.status === 'active',
    );
    renameSync(layout.ca.rootKey(fingerprint), join(folder, 'safe'));
    const { code, stderr } = await operated.run('ca retire');
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^The root's key is not in DATA\/ca, so its CRL does not name CN=Gatehouse Issuing CA 3 yet/,
    );
  });
});
