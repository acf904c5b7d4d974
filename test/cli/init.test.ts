/** `gatehouse init` and `migrate` as an operator sees them: exit code, both streams, files left. */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();

it('init says where things are, how to pin the CA, and warns of the passphrase beside the key', async () => {
  const data = join(folder, 'one');
  const { code, stdout, stderr } = await gatehouse(['init', '--data', data, '--hostname', 'gate.example']);
  const root = new X509Certificate(readFileSync(join(data, 'public', 'root.pem')));
  expect(code).toBe(0);
  expect(stdout).toBe(
    [
      `Gatehouse is set up in ${data}`,
      `  trust anchor       ${data}/public/root.pem`,
      `  its SHA-256        ${root.fingerprint256}`,
      `  admin's token      ${data}/operator/token`,
      '',
    ].join('\n'),
  );
  expect(stderr).toMatch(/^WARNING: no passphrase was given/);
  expect(readFileSync(join(data, 'gatehouse.yaml'), 'utf8')).toBe('hostname:\n  - gate.example\n');
});

it('init --json prints JSON alone, and is content where the folder is set up already if told so', async () => {
  const data = join(folder, 'two');
  const first = await gatehouse(['init', '--data', data, '--json']);
  const { rootFingerprint, caFile } = JSON.parse(first.stdout);
  const der = new X509Certificate(readFileSync(caFile)).raw;
  expect(rootFingerprint).toBe(createHash('sha256').update(der).digest('hex'));
  expect((await gatehouse(['init', '--data', data, '--if-new'])).code).toBe(0);
  const again = await gatehouse(['init', '--data', data]);
  expect([again.code, again.stdout]).toEqual([1, '']);
  expect(again.stderr).toMatch(explained(`${data} holds a Gatehouse`, 'data_exists'));
});

it("init with an operator's passphrase warns of nothing and keeps none", async () => {
  const [data, passphrase] = [join(folder, 'three'), join(folder, 'passphrase')];
  writeFileSync(passphrase, 'kept elsewhere\n');
  const { code, stderr } = await gatehouse(['init', '--data', data], {
    GATEHOUSE_PASSPHRASE_FILE: passphrase,
  });
  expect([code, stderr]).toEqual([0, '']);
  expect(existsSync(join(data, 'ca', 'passphrase'))).toBe(false);
});

it('migrate on nothing says so', async () => {
  const { code, stderr } = await gatehouse([
    'migrate',
    '--data',
    join(folder, 'nothing'),
    '--log-level',
    'silent',
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^code: data_missing$/m);
});
