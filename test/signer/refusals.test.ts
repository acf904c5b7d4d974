/** What a Gatehouse says whose CA keys should be in a token and cannot be used. */
import { X509Certificate } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { openKeyStore } from '../../enroll/signer/open-key-store.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { readSettings } from '../../runtime/settings.ts';
import { describeWith } from '../support/external.ts';
import { executable, type Finished, run } from '../support/gatehouse.ts';
import { prepareData } from '../support/prepared-data.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createSoftToken, flagsFor, LABEL, type SoftToken } from './soft-token.ts';

const folder = temporaryFolder();
let count = 0;
const newFolder = () => join(folder, `data-${count++}`);

describe('settings of the signer', () => {
  const layout = dataLayout(newFolder());
  const open = (given: Record<string, string>) => () =>
    openKeyStore(layout, readSettings({ data: layout.settings, ...given }, {}));
  const [module, label, pinFile] = ['m.so', 'l', 'pin'];

  it.each([
    [{ signer: 'pkcs11' }, '--pkcs11-module and --pkcs11-token and --pkcs11-pin-file'],
    [{ signer: 'pkcs11', pkcs11Module: module, pkcs11Token: label }, '--pkcs11-pin-file'],
    [{ signer: 'pkcs11', pkcs11Token: label, pkcs11PinFile: pinFile }, '--pkcs11-module'],
    [{ signer: 'pkcs11', pkcs11Module: module, pkcs11PinFile: pinFile }, '--pkcs11-token'],
  ])('%j lack %s', (given, missing) => {
    expect(open(given)).toThrow(
      expect.objectContaining({
        code: 'setting_invalid',
        message: `--signer pkcs11 needs ${missing} too`,
      }),
    );
  });

  it.each([
    [{ pkcs11Module: module }, '--pkcs11-module'],
    [{ signer: 'file', pkcs11Token: label }, '--pkcs11-token'],
    [{ pkcs11PinFile: pinFile }, '--pkcs11-pin-file'],
  ])('%j make no keys in files by mistake', (given, idle) => {
    expect(open(given)).toThrow(
      expect.objectContaining({
        code: 'setting_invalid',
        message: `${idle} is of no use without --signer pkcs11`,
      }),
    );
  });
});

describeWith(['softhsm2-util'], 'a token that cannot be used', () => {
  let token: SoftToken;
  const complete = newFolder();
  const gatehouse = async (command: string, data: string, ...flags: readonly string[]) =>
    refusalOf(await run(executable, command, '--data', data, '--json', ...flags));
  const init = (flags: readonly string[]) => gatehouse('init', newFolder(), ...flags);

  beforeAll(async () => {
    token = createSoftToken(folder);
    expect(await gatehouse('init', complete, ...token.flags)).toBeUndefined();
  });

  it('is told by its PIN file', async () => {
    const nowhere = join(folder, 'no-pin');
    expect(await init(flagsFor({ pinFile: nowhere }))).toMatchObject({
      code: 'pkcs11_pin_missing',
      detail: `${nowhere} cannot be read`,
    });
    const empty = join(folder, 'empty-pin');
    writeFileSync(empty, '\n');
    expect(await init(flagsFor({ pinFile: empty }))).toMatchObject({ code: 'pkcs11_pin_missing' });
  });

  it('is told by its PIN, with a word on the tries that remain, and without the PIN', async () => {
    const wrong = join(folder, 'wrong-pin');
    writeFileSync(wrong, 'Nebelkraehe\n');
    const finished = await run(
      executable,
      'migrate',
      '--data',
      complete,
      '--json',
      ...flagsFor({ pinFile: wrong }),
    );
    expect(refusalOf(finished)).toMatchObject({
      code: 'pkcs11_pin_refused',
      detail: `the token "${LABEL}" refuses the PIN in ${wrong} (C_Login: CKR_PIN_INCORRECT); wrong PINs have been counted; a few more lock it`,
    });
    expect(finished.stdout + finished.stderr).not.toContain('Nebelkraehe');
    // The right one is still taken.
    expect(await gatehouse('migrate', complete)).toBeUndefined();
  });

  it('is told by its label, with those that there are', async () => {
    expect(await init(flagsFor({ pinFile: token.pinFile, label: 'gatehose' }))).toMatchObject({
      code: 'pkcs11_token_unknown',
      detail: `no token has the label "gatehose"; there are: "${LABEL}"`,
    });
  });

  it('is told by its module', async () => {
    const nowhere = join(folder, 'libmissing.so');
    expect(await init(flagsFor({ pinFile: token.pinFile, module: nowhere }))).toMatchObject({
      code: 'pkcs11_module_unusable',
      detail: expect.stringContaining(nowhere),
    });
    // A library, and no module of PKCS #11.
    expect(await init(flagsFor({ pinFile: token.pinFile, module: 'libc.so.6' }))).toMatchObject({
      code: 'pkcs11_module_unusable',
      detail: expect.stringContaining('C_GetFunctionList'),
    });
  });

  it('is begun anew by init, once it can be used', async () => {
    const data = newFolder();
    const wrong = flagsFor({ pinFile: token.pinFile, label: 'not-yet' });
    expect(await gatehouse('init', data, ...wrong)).toMatchObject({ code: 'pkcs11_token_unknown' });
    expect(await gatehouse('migrate', data, ...token.flags)).toMatchObject({ code: 'data_incomplete' });
    expect(await gatehouse('init', data, ...token.flags)).toBeUndefined();
    expect(await gatehouse('migrate', data)).toBeUndefined();
  });

  it('does not have the keys of a folder that keeps them in files', async () => {
    const data = await prepareData(newFolder());
    expect(await gatehouse('migrate', data, ...token.flags)).toMatchObject({
      code: 'ca_key_missing',
      detail: expect.stringMatching(
        /^the key of CN=Gatehouse Issuing CA: the token "gatehouse" has no key of ID/,
      ),
    });
    expect(await gatehouse('migrate', data)).toBeUndefined();
  });

  it('is not replaced by files, in a folder whose keys are in it', async () => {
    for (const command of ['init', 'migrate']) {
      const refusal = await gatehouse(command, complete, '--signer', 'file');
      expect(refusal).toMatchObject({
        code: 'data_damaged',
        detail: expect.stringContaining('--signer pkcs11'),
      });
    }
    expect(readdirSync(join(complete, 'ca'))).toEqual([]);
  });

  it('is not tried where pkcs11js was not installed, which files do not need', async () => {
    const installation = join(folder, 'installation');
    const root = resolve(import.meta.dirname, '../..');
    for (const part of ['dist', 'bin', 'package.json'])
      cpSync(join(root, part), join(installation, part), { recursive: true });
    mkdirSync(join(installation, 'node_modules'));
    for (const name of readdirSync(join(root, 'node_modules')).filter((one) => one !== 'pkcs11js'))
      symlinkSync(join(root, 'node_modules', name), join(installation, 'node_modules', name));
    const other = join(installation, 'bin', 'gatehouse.js');
    const refusal = refusalOf(await run(other, 'init', '--data', newFolder(), '--json', ...token.flags));
    expect(refusal).toMatchObject({ code: 'pkcs11_missing', detail: expect.stringContaining('pkcs11js') });
    expect((await run(other, 'init', '--data', newFolder(), '--json')).code).toBe(0);
    rmSync(installation, { recursive: true });
  });

  it('has lost the key, or has another under its name', async () => {
    // The last test: from here on that folder is of no use.
    const key = issuingKeyMadeBy(complete);
    token.destroy(key.id);
    expect(await gatehouse('migrate', complete)).toMatchObject({
      code: 'ca_key_missing',
      detail: `the key of CN=Gatehouse Issuing CA: the token "${LABEL}" has no key of ID ${key.id}`,
    });
    token.generate('0bad', key.label);
    expect(await gatehouse('migrate', complete)).toMatchObject({ code: 'ca_key_missing' });
    token.generate(key.id, key.label);
    expect(await gatehouse('migrate', complete)).toMatchObject({
      code: 'issuer_key_mismatch',
      detail: `the key of CN=Gatehouse Issuing CA: what the token "${LABEL}" has under the ID ${key.id} is another key`,
    });
  });

  /** By the fingerprint in its label, which only the registry tells otherwise. */
  function issuingKeyMadeBy(data: string) {
    const certificates = readFileSync(join(data, 'tls', 'enroll', 'server.pem'), 'utf8');
    const [, chain = ''] =
      certificates.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const fingerprint = new X509Certificate(chain).fingerprint256.replaceAll(':', '').toLowerCase();
    const key = token.objects().find(({ label }) => label.endsWith(fingerprint.slice(0, 16)));
    if (key === undefined) throw new Error(`no key is named for ${fingerprint}`);
    return key;
  }
});

interface Refusal {
  readonly code: string;
  readonly detail: string;
}

/** Undefined where all went well. */
function refusalOf({ code, stdout, stderr }: Finished): Refusal | undefined {
  if (code === 0) return undefined;
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.startsWith('{"error"'));
  if (lines[0] === undefined) throw new Error(`exit code ${code}: ${stdout}${stderr}`);
  return (JSON.parse(lines[0]) as { error: Refusal }).error;
}
