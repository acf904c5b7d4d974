/** Revoking by group, certificate and CA, and reinstating: as an operator types it, against a real enroll process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { errorCode, explained } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;
beforeAll(async () => {
  operated = await Operated.start(folder);
});
afterAll(() => operated.close());

let count = 0;
/** A group of its own, with enrolled devices. */
async function fleet(
  size: number,
): Promise<{ group: string; ids: readonly string[]; serials: readonly string[] }> {
  const group = `presses-${++count}`;
  await operated.run(`group apply --name ${group} --policy device --profile device`);
  const ids = Array.from({ length: size }, (_, index) => `${group}:${index}`);
  await operated.enrollDevices(...ids);
  const serials: string[] = [];
  for (const id of ids) {
    await operated.run(`device set ${id} --group ${group}`);
    serials.push((await serialsOf(id))[0] ?? '');
  }
  return { group, ids, serials };
}
async function serialsOf(id: string): Promise<string[]> {
  const { certificates } = await operated.json(`device show ${id}`);
  return certificates.map(({ serialNumber }: { serialNumber: string }) => serialNumber);
}
const statusOf = async (id: string) => (await operated.json(`device show ${id}`)).status;
function listFile(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

describe('gatehouse group revoke', () => {
  it('says whom it would be, asks for their number, and does it', async () => {
    const { group, ids, serials } = await fleet(2);
    const dryRun = await operated.run(`group revoke ${group} --dry-run`);
    expect(dryRun).toEqual({
      code: 0,
      stdout: `${ids[0]}  ${serials[0]}\n${ids[1]}  ${serials[1]}\ndry run: 2 devices and 2 certificates to be revoked\n`,
      stderr: '',
    });
    for (const [flags, said] of [
      ['', 'and it was not said how many may be'],
      [' --at-most 1', 'and at most 1 may be'],
    ]) {
      const { code, stdout, stderr } = await operated.run(`group revoke ${group}${flags}`);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(explained(`2 would be changed, ${said}`, 'bulk_unconfirmed'));
      expect(stderr).toContain('--at-most COUNT');
    }
    expect(await statusOf(ids[0] ?? '')).toBe('active');
    expect(await operated.run(`group revoke ${group} --at-most 2 --reason keyCompromise`)).toEqual({
      code: 0,
      stdout: 'revoked: 2 devices and 2 certificates\n',
      stderr: '',
    });
    expect((await operated.run(`group revoke ${group}`)).stdout).toBe(
      'revoked: 0 devices and 0 certificates\n',
    );
  });

  it('tells programs whom it would be as it tells whom it was', async () => {
    const { group, ids, serials } = await fleet(1);
    for (const [kind, status] of [
      ['suspend', 'suspended'],
      ['resume', 'active'],
      ['revoke', 'revoked'],
    ] as const) {
      const report = {
        dryRun: true,
        counts: { devices: 1, certificates: 1, unchanged: 0, requests: 0 },
        devices: [{ id: ids[0], status, certificates: serials }],
        certificates: [],
        requests: [],
      };
      expect(await operated.json(`group ${kind} ${group} --dry-run`)).toEqual(report);
      expect(await operated.json(`group ${kind} ${group} --at-most 1`)).toEqual({ ...report, dryRun: false });
      expect(await statusOf(ids[0] ?? '')).toBe(status);
    }
  });

  it.each(['--at-most 0', '--at-most all', '--reason certificateHold'])('takes no %s', async (flags) => {
    expect((await operated.run(`group revoke presses ${flags}`)).code).toBe(2);
  });
});

describe('gatehouse device', () => {
  it('revoke --dry-run changes nothing', async () => {
    const { ids, serials } = await fleet(1);
    const { stdout } = await operated.run(`device revoke ${ids[0]} --dry-run`);
    expect(stdout).toBe(`${ids[0]}  ${serials[0]}\ndry run: 1 device and 1 certificate to be revoked\n`);
    expect(await statusOf(ids[0] ?? '')).toBe('active');
  });

  it('tells programs of one as of several, whatever is done to them', async () => {
    const { ids, serials } = await fleet(2);
    const shapes = new Set<string>();
    for (const [kind, status] of [
      ['suspend', 'suspended'],
      ['resume', 'active'],
      ['revoke', 'revoked'],
      ['reinstate', 'active'],
      ['release', 'active'],
    ] as const) {
      for (const named of [ids.slice(0, 1), ids.slice(1)]) {
        for (const flags of [' --dry-run', '']) {
          const report = await operated.json(`device ${kind} ${named.join(' ')}${flags}`);
          expect(report.counts).toMatchObject({ devices: 1, unchanged: 0 });
          expect(report.devices).toMatchObject([{ id: named[0], status }]);
          shapes.add(JSON.stringify([Object.keys(report), Object.keys(report.counts)]));
        }
      }
      const again = await operated.json(`device ${kind} ${ids.join(' ')}`);
      expect([again.counts, again.devices]).toEqual([
        { devices: 0, certificates: 0, unchanged: 2, requests: 0 },
        [],
      ]);
    }
    const certificates = await operated.json(`certificate revoke ${serials.join(' ')}`);
    shapes.add(JSON.stringify([Object.keys(certificates), Object.keys(certificates.counts)]));
    expect(shapes.size).toBe(1);
  });

  it('reinstate lets revoked devices enroll anew, all that are named or none', async () => {
    const { ids } = await fleet(1);
    await operated.run(`device revoke ${ids[0]}`);
    const refused = await operated.run(`device reinstate nosuch ${ids[0]}`);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain(
      '\n  there is no device "nosuch" (device_unknown)\ncode: list_refused\n',
    );
    expect(await statusOf(ids[0] ?? '')).toBe('revoked');
    for (const outcome of ['may enroll anew', 'is not revoked']) {
      const { stdout } = await operated.run(`device reinstate ${ids[0]}`);
      expect(stdout).toBe(`${ids[0]} ${outcome}\n`);
    }
    await operated.enrollDevices(ids[0] ?? '');
    expect((await serialsOf(ids[0] ?? '')).length).toBe(2);
  });
});

describe('gatehouse certificate', () => {
  it('shows one, and lists those that are revoked', async () => {
    const { ids, serials } = await fleet(1);
    const shown = await operated.run(`certificate show ${serials[0]?.toLowerCase()}`);
    expect(shown.stdout).toMatch(
      new RegExp(`^serial number +${serials[0]}\nfor +${ids[0]}\nstatus +active\n`),
    );
    await operated.run(`certificate revoke ${serials[0]} --reason superseded`);
    const { stdout } = await operated.run(`certificate list --device ${ids[0]} --status revoked`);
    expect(stdout).toMatch(new RegExp(`\n${serials[0]} +${ids[0]} +revoked .*superseded\n$`));
    expect(await statusOf(ids[0] ?? '')).toBe('active');
  });

  it("tells Gatehouse's own apart, and lists those of a CA by the beginning of its fingerprint", async () => {
    const all = await operated.json('certificate list');
    const own = all.filter(({ device }: { device: string | null }) => device === null);
    expect(own.map(({ purpose }: { purpose: string }) => purpose).sort()).toEqual([
      'broker',
      'enroll',
      'ocsp',
    ]);
    const { stdout } = await operated.run('certificate list');
    for (const shown of ['(broker)', '(HTTPS of enroll)', '(OCSP answers)']) expect(stdout).toContain(shown);
    const issuer = own[0].issuer;
    expect(await operated.json(`certificate list --issuer ${issuer.slice(0, 8)}`)).toHaveLength(all.length);
    const unknown = await operated.run(`certificate list --issuer ${'0'.repeat(12)}`);
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toMatch(explained('there is no CA "000000000000"', 'issuer_unknown'));
  });

  it('revokes a list, once its length is said', async () => {
    const { serials, ids } = await fleet(2);
    const file = listFile('serials.txt', ['# found in a dump', ...serials, '', `${serials[0]}   # twice`]);
    const dryRun = await operated.run(`certificate revoke --file ${file} --dry-run`);
    expect(dryRun.stdout).toBe(
      `${serials[0]}  ${ids[0]}\n${serials[1]}  ${ids[1]}\ndry run: 2 certificates to be revoked\n`,
    );
    const refused = await operated.run(`certificate revoke --file ${file} --json`);
    expect([refused.code, errorCode(refused.stderr)]).toEqual([1, 'bulk_unconfirmed']);
    expect((await operated.run(`certificate revoke --file ${file} --at-most 2`)).stdout).toBe(
      'revoked: 2 certificates\n',
    );
    expect((await operated.run(`certificate revoke --file ${file}`)).stdout).toBe(
      'revoked: 0 certificates; 2 more were before\n',
    );
  });

  it('revokes nothing of a list with a line that is wrong, and names the line', async () => {
    const { serials, ids } = await fleet(1);
    const file = listFile('wrong.txt', [serials[0] ?? '', '', 'no serial', '0A0B']);
    const { code, stderr } = await operated.run(`certificate revoke --file ${file} --at-most 9`);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'line 3: "no serial" is not a certificate serial number (serial_number_invalid)',
    );
    expect(stderr).toContain('line 4: the registry has no certificate 0A0B (serial_number_unknown)');
    expect((await operated.json(`device show ${ids[0]}`)).certificates[0].status).toBe('active');
  });

  it.each(['', '0A0B --file serials.txt', 'xyz'])('takes no %j', async (words) => {
    const { code } = await operated.run(`certificate revoke ${words}`.trim());
    expect(code).toBe(2);
  });
});

describe('gatehouse ca revoke-certificates', () => {
  it('revokes what a CA issued to devices, and leaves the devices', async () => {
    const { ids, serials } = await fleet(1);
    const { issuers } = await operated.json('ca status');
    const ca = issuers.find(({ kind }: { kind: string }) => kind === 'issuing').fingerprint.slice(0, 12);
    const dryRun = await operated.run(`ca revoke-certificates ${ca} --dry-run --json`);
    const foretold = JSON.parse(dryRun.stdout);
    expect(foretold.certificates).toContainEqual({ serialNumber: serials[0], device: ids[0] });
    const { certificates } = foretold.counts;
    expect((await operated.run(`ca revoke-certificates ${ca}`)).code).toBe(1);
    expect(
      await operated.json(`ca revoke-certificates ${ca} --reason cACompromise --at-most ${certificates}`),
    ).toEqual({ ...foretold, dryRun: false });
    const shown = await operated.json(`device show ${ids[0]}`);
    expect([shown.status, shown.certificates[0].status]).toEqual(['active', 'revoked']);
  });

  it('does not know what is no CA', async () => {
    const { code, stderr } = await operated.run('ca revoke-certificates nosuch');
    expect(code).toBe(1);
    expect(stderr).toMatch(explained('there is no CA "nosuch"', 'issuer_unknown'));
  });
});

describe('a reason that is raised', () => {
  const clause = (count: string, from: string, verb = 'is') =>
    `; the reason of ${count}, revoked before, ${verb} raised from ${from} to keyCompromise`;

  it('is told of with each device, from what to what', async () => {
    const { ids, serials } = await fleet(2);
    const [one = '', two = ''] = ids;
    await operated.run(`device revoke ${one} --reason superseded`);
    const command = `device revoke ${one} ${two} --reason keyCompromise`;
    expect((await operated.run(`${command} --dry-run`)).stdout).toMatch(
      new RegExp(
        `dry run: 2 devices and 2 certificates to be revoked${clause('1 certificate', 'superseded', 'would be')}\n$`,
      ),
    );
    expect((await operated.run(command)).stdout).toBe(
      `${one} is revoked${clause('1 certificate', 'superseded')}\n${two} is revoked\n`,
    );
    expect((await operated.run(command)).stdout).toBe(
      `${one} is revoked already\n${two} is revoked already\n`,
    );
    expect(await operated.json(`certificate show ${serials[0]}`)).toMatchObject({ reason: 'keyCompromise' });
  });

  it('is told to programs with the device, and with the certificate', async () => {
    const { ids, serials } = await fleet(2);
    const [one, two] = serials;
    const raised = { from: 'unspecified', to: 'keyCompromise' };
    await operated.run(`certificate revoke ${one} ${two}`);
    const certificate = await operated.json(`certificate revoke ${one} --reason keyCompromise`);
    expect(certificate.certificates).toEqual([{ serialNumber: one, device: ids[0], raised }]);
    const device = await operated.json(`device revoke ${ids.join(' ')} --reason keyCompromise`);
    expect(device.devices).toEqual([
      { id: ids[0], status: 'revoked', certificates: [] },
      { id: ids[1], status: 'revoked', certificates: [two], raised: [{ serialNumber: two, ...raised }] },
    ]);
  });

  it('is told of in the sum of many', async () => {
    const { group, serials } = await fleet(3);
    const [one, two, three] = serials;
    await operated.run(`certificate revoke ${one}`);
    await operated.run(`certificate revoke ${two} --reason superseded`);
    expect((await operated.run(`certificate revoke ${one} ${three} --reason keyCompromise`)).stdout).toBe(
      `revoked: 2 certificates${clause('1 certificate', 'unspecified')}\n`,
    );
    await operated.run(`group revoke ${group} --at-most 3 --reason affiliationChanged`);
    expect((await operated.run(`group revoke ${group} --at-most 3 --reason keyCompromise`)).stdout).toBe(
      `revoked: 1 device and 1 certificate${clause('1 certificate', 'superseded')}\n`,
    );
  });

  it('is told of by the CA, too', async () => {
    const { serials } = await fleet(2);
    await operated.run(`certificate revoke ${serials[0]} --reason superseded`);
    const [issuer] = (await operated.json('ca status')).issuers.filter(
      ({ kind }: { kind: string }) => kind === 'issuing',
    );
    const { stdout } = await operated.run(
      `ca revoke-certificates ${issuer.fingerprint} --at-most 1000 --reason keyCompromise --dry-run`,
    );
    expect(stdout).toMatch(
      /; the reason of \d+ certificates?, revoked before, would be raised from .*superseded.* to keyCompromise\n$/,
    );
  });
});
