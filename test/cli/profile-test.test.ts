/** `gatehouse profile test` and `profile apply --dry-run` against a real enroll process. */
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Operated } from './operated.ts';
import { explained } from './transcript.ts';

const folder = temporaryFolder();
let operated: Operated;
beforeAll(async () => {
  operated = await Operated.start(folder);
  await operated.enrollDevices('dev-3');
});
afterAll(() => operated.close());

const gateway = `
name: gateway
validity: 90d
keys: [ec-p256]
extendedKeyUsage: [clientAuth, serverAuth]
subject: { organization: Example, serialNumber: "{attr.serial}" }
subjectAltNames: { uri: ["urn:example:device:{id}"], dns: ["{id}.devices.example"] }
renewAfter: 50%
`;
function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const path = () => file('gateway.yaml', gateway);

const listing = (id: string, madeUp: boolean) =>
  new RegExp(
    [
      '^profile +gateway',
      madeUp ? 'device +example of the group example, both made up' : `device +${id} of the group devices`,
      madeUp ? 'attributes +serial=example \\(made up\\)' : 'attributes +serial=4711',
      `subject +O=Example, serialNumber=${madeUp ? 'example' : '4711'}, CN=${id}`,
      `alternative names +URI:urn:example:device:${id}, DNS:${id}\\.devices\\.example`,
      'key usage +digitalSignature',
      'extended key usage +clientAuth, serverAuth',
      'valid from +\\d{4}-.*Z',
      'valid until +\\d{4}-.*Z',
      'renew after +\\d{4}-.*Z',
      'keys +ec-p256',
      '',
      '-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$',
    ].join('\n'),
  );

it('apply --dry-run shows the example of a file and stores nothing', async () => {
  const { code, stdout, stderr } = await operated.run(`profile apply ${path()} --dry-run`);
  expect([code, stderr]).toEqual([
    0,
    'An example: its CA was made for it and is gone. Nothing was stored.\n',
  ]);
  expect(stdout).toMatch(listing('example', true));
  const shown = await operated.run('profile show gateway');
  expect([shown.code, shown.stderr]).toEqual([1, expect.stringContaining('profile_unknown')]);
});

it('test shows it for a file, for a name, and for a device', async () => {
  expect((await operated.run(`profile test ${path()}`)).stdout).toMatch(listing('example', true));
  expect((await operated.run('profile test gateway')).code).toBe(1);
  expect((await operated.run(`profile apply ${path()}`)).code).toBe(0);
  expect((await operated.run('profile test gateway')).stdout).toMatch(listing('example', true));

  const missing = await operated.run('profile test gateway --device dev-3');
  expect([missing.code, missing.stdout]).toEqual([1, '']);
  expect(missing.stderr).toMatch(
    explained('subject.serialNumber: the device dev-3 has no attribute "serial"', 'attribute_missing'),
  );
  expect((await operated.run('device set dev-3 --attr serial=4711')).code).toBe(0);
  for (const profile of ['gateway', path()]) {
    const { stdout } = await operated.run(`profile test ${profile} --device dev-3`);
    expect(stdout).toMatch(listing('dev-3', false));
  }
});

it('prints the fields and the certificate as JSON', async () => {
  for (const command of [`profile test ${path()}`, `profile apply ${path()} --dry-run`]) {
    const result = await operated.json(command);
    expect(result).toMatchObject({
      profile: 'gateway',
      subject: 'O=Example, serialNumber=example, CN=example',
    });
    expect(new X509Certificate(result.certificate).subjectAltName).toBe(
      'URI:urn:example:device:example, DNS:example.devices.example',
    );
  }
});

it('lists what a profile gives', async () => {
  expect((await operated.run('profile list')).stdout).toMatch(
    /\ngateway +90d +ec-p256 +clientAuth serverAuth +organization serialNumber CN +uri:urn:example:device:\{id\} dns:\{id\}\.devices\.example +.*Z\n$/,
  );
});

it('refuses what cannot be issued, naming the field', async () => {
  const wrong = file('wrong.yaml', 'name: wrong\nvalidity: 1d\nsubject: { country: Germany }');
  for (const command of [
    `profile apply ${wrong}`,
    `profile apply ${wrong} --dry-run`,
    `profile test ${wrong}`,
  ]) {
    const { code, stdout, stderr } = await operated.run(command);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained(/subject\.country: .*/, 'profile_invalid'));
  }
});

it('test refuses what is neither a name nor a file', async () => {
  const { code, stderr } = await operated.run('profile test No_Name');
  expect([code, stderr]).toEqual([1, expect.stringContaining('name_invalid')]);
  const missing = await operated.run('profile test missing.yaml');
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('file_unreadable')]);
});
