/** `gatehouse manufacturer …`, `request …` and `device release` against a real enroll process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { enrollBy, register } from '../enrollment/factory.ts';
import { csrPem } from '../support/enroll-service.ts';
import { type Made, makeDevice, makeIntermediate, makeRoot, newKey } from '../support/factory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { errorCode, explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;
let root: Made;
beforeAll(async () => {
  operated = await Operated.start(folder);
  root = await makeRoot('Acme Root');
});
afterAll(() => operated.close());

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('gatehouse manufacturer', () => {
  it('adds one with its rule, shows it, lists it and removes it', async () => {
    const line = await makeIntermediate('Acme Line', root);
    const path = file('acme.pem', line.certificate.pem + root.certificate.pem);
    const added = await operated.run(
      `manufacturer add acme --factory-ca ${path} --group devices --id-from serialNumber --id-prefix acme-`,
    );
    expect([added.code, added.stderr]).toEqual([0, '']);
    expect(added.stdout).toMatch(
      /^name +acme\nadmits +listed\ngroup +devices\nID from +serialNumber\nprefix +acme-\nchanged +.*Z\n\nCA +ANCHOR +NOT AFTER +SHA-256\nCN=Acme Line +yes .*\nCN=Acme Root +no .*\n$/,
    );
    expect(await operated.run('manufacturer show acme')).toEqual(added);
    await operated.json(
      `manufacturer add broad --factory-ca ${file('broad.pem', (await makeRoot('B')).certificate.pem)}`,
    );
    expect((await operated.run('manufacturer list')).stdout).toMatch(
      /^NAME +ADMITS +GROUP +ID FROM +PREFIX +CHANGED\nacme +listed +devices +serialNumber +acme- +.*\nbroad +listed +any +cn +- +.*\n$/,
    );
    expect(await operated.run('manufacturer remove acme')).toEqual({
      code: 0,
      stdout: 'manufacturer acme is removed\n',
      stderr: '',
    });
    expect((await operated.run('manufacturer show acme')).stderr).toMatch(
      explained('there is no manufacturer "acme"', 'manufacturer_unknown'),
    );
  });

  it('says what is wrong with a file', async () => {
    const line = await makeIntermediate('Acme Line', root);
    const cases = [
      ['missing.pem', 'file_unreadable'],
      [file('text.pem', 'hello'), 'pem_invalid'],
      [file('line.pem', line.certificate.pem), 'manufacturer_ca_invalid'],
    ] as const;
    for (const [path, code] of cases) {
      const { code: exit, stderr } = await operated.run(`manufacturer add acme --factory-ca ${path} --json`);
      expect([exit, errorCode(stderr)]).toEqual([1, code]);
    }
  });
});

describe('gatehouse request', () => {
  const ask = async (id: string) => {
    const { token } = await operated.enroll.createToken({ group: 'gated' });
    const csr = await csrPem({ commonName: id, privateKey: newKey() });
    const answer = () => operated.enroll.enroll(token, csr);
    const { status, body } = await answer();
    expect(status).toBe(202);
    return { id: body.request, again: async () => (await answer()).status };
  };
  beforeAll(() =>
    operated.json('group apply --name gated --policy device --profile device --approval required'),
  );

  it('shows what to decide by, and approves', async () => {
    const { id, again } = await ask('gate-1');
    expect((await operated.run('request list --status pending')).stdout).toMatch(
      /^ID +STATUS +DEVICE +GROUP +BY +KEY +ADDRESS +ASKED +DECIDED BY\n\d+ +pending +gate-1 +gated +token [0-9a-f]{12} +ec-p256 [0-9a-f]{16}… +127\.0\.0\.1 +.*Z +-\n$/,
    );
    const { stdout } = await operated.run(`request show ${id}`);
    expect(stdout).toMatch(/^ID +\d+\nstatus +pending\ndevice +gate-1\n/);
    expect(stdout).toMatch(/\nSHA-256 of the key +[0-9a-f]{64}\n/);
    expect(await operated.run(`request approve ${id}`)).toEqual({
      code: 0,
      stdout: `request ${id} of gate-1 is approved\n`,
      stderr: '',
    });
    expect(await again()).toBe(201);
    expect(await operated.json('request list --status pending')).toEqual([]);
    expect(await operated.json('request list --status issued')).toMatchObject([{ id, device: 'gate-1' }]);
  });

  it('decides the others where one is refused', async () => {
    const asked = [await ask('gate-2'), await ask('gate-3')];
    const [two, three] = asked.map(({ id }) => id);
    const denied = await operated.run(`request deny ${two} 987654 ${three} --reason late`);
    expect([denied.code, denied.stdout]).toEqual([
      1,
      `request ${two} of gate-2 is denied\nrequest ${three} of gate-3 is denied\n`,
    ]);
    expect(denied.stderr).toContain('code: request_unknown');
    expect(await operated.json(`request show ${two}`)).toMatchObject({ status: 'denied', reason: 'late' });
    for (const { again } of asked) expect(await again()).toBe(403);
  });

  it('says which reason stands where it was denied before', async () => {
    const { id } = await ask('gate-9');
    const deny = async (...reason: string[]) => {
      const { code, stdout } = await gatehouse([
        ...['request', 'deny', String(id), ...reason],
        ...['--data', operated.enroll.settings.data],
      ]);
      return [code, stdout];
    };
    const denied = `request ${id} of gate-9 is denied`;
    expect(await deny()).toEqual([0, `${denied}\n`]);
    expect(await deny()).toEqual([0, `${denied} already, without a reason\n`]);
    expect(await deny('--reason', 'late')).toEqual([
      0,
      `${denied} already, without a reason, and stays so: "late" is not stored\n`,
    ]);
    expect(await operated.json(`request show ${id}`)).toMatchObject({ reason: '' });
    await operated.run(`request approve ${id}`);
    expect(await deny('--reason', 'not one of ours')).toEqual([0, `${denied}\n`]);
    expect(await deny('--reason', 'not one of ours')).toEqual([
      0,
      `${denied} already, for the reason "not one of ours"\n`,
    ]);
    const rows = await operated.json('journal list');
    expect(await deny('--reason', 'other\u001b[2J')).toEqual([
      0,
      `${denied} already, for the reason "not one of ours", and stays so: "other\\u001b[2J" is not stored\n`,
    ]);
    expect(await operated.json(`request show ${id}`)).toMatchObject({ reason: 'not one of ours' });
    expect(await operated.json('journal list')).toEqual(rows);
  });

  it('reports as every change is reported', async () => {
    const asked = [await ask('gate-4'), await ask('gate-5')];
    const [four, five] = asked.map(({ id }) => id);
    await operated.run(`request approve ${four}`);
    const { code, stdout } = await operated.run(`request approve ${four} 987654 ${five} ${five} --json`);
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      {
        dryRun: false,
        counts: { devices: 0, certificates: 0, requests: 1, unchanged: 1 },
        devices: [],
        certificates: [],
        requests: [{ id: five, device: 'gate-5', status: 'approved' }],
      },
    ]);
    expect(await operated.run(`request approve ${four}`)).toMatchObject({
      stdout: `request ${four} of gate-4 is approved already\n`,
    });
    const none = await operated.run('request deny 987654');
    expect([none.code, none.stdout]).toEqual([1, '']);
  });
});

describe('gatehouse device release', () => {
  it('lets devices enroll once more, and show tells', async () => {
    await register(operated.enroll, 'makers', [root]);
    const device = await makeDevice(root, { cn: 'press-7' });
    expect((await enrollBy(operated.enroll, device)).status).toBe(201);
    expect(await operated.run('device release press-7')).toEqual({
      code: 0,
      stdout: 'press-7 may enroll by its factory certificate once more\n',
      stderr: '',
    });
    expect((await operated.run('device show press-7')).stdout).toMatch(
      new RegExp(`\\nfactory +makers ${device.certificate.fingerprint}\\nreleased +.*Z\\n`),
    );
    expect((await enrollBy(operated.enroll, device)).status).toBe(201);
  });
});
