/** simplereenroll with a profile that gives names: the request must have them all, and the profile has the last word. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  writeFileSync(join(folder, 'root.pem'), service.ca);
  await applyProfile({});
  const group = { profile: 'gateway', policy: 'device' };
  expect((await service.operator('PUT', '/groups/gateways', group)).status).toBe(200);
});
afterAll(() => service.close());

const names = {
  subject: { country: 'DE', organization: 'Example & Söhne', organizationalUnit: '{group}' },
  subjectAltNames: { uri: ['urn:example:device:{id}'], dns: ['{id}.devices.example'] },
};

async function applyProfile(fields: object): Promise<void> {
  const document = { name: 'gateway', validity: '90d', ...names, ...fields };
  expect((await service.operator('PUT', '/profiles/gateway', document)).status).toBe(200);
}

/** Runs a shell script in the folder; the service is in this process, so it must not be waited for in place. */
function shell(script: string, id: string): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, URL: service.enrollUrl, ID: id };
  const options = { cwd: folder, env, encoding: 'utf8', timeout: 60_000 } as const;
  return new Promise((done) => {
    const child = execFile(
      'bash',
      ['--norc', '-euo', 'pipefail', '-c', tools + script],
      options,
      (_error, out, err) => done({ code: child.exitCode, output: out + err }),
    );
  });
}
const tools = `
  newKey() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
  reenroll() { # CSR, certificate, key, result
    curl --silent --show-error --fail-with-body --cacert root.pem --cert $2 --key $3 \
      --header 'Content-Type: application/pkcs10' --data-binary @$1 "$URL/.well-known/est/simplereenroll" > answer ||
      { cat answer; exit 1; }
    openssl base64 -d < answer | openssl pkcs7 -inform DER -print_certs -out $4
  }
`;
const certificate = (name: string) => new X509Certificate(readFileSync(join(folder, name)));

/** By a CSR with nothing but the CN: what else there is comes from the profile. */
async function enroll(id: string): Promise<void> {
  const { token } = await service.createToken({ device: id, group: 'gateways' });
  const { code, output } = await shell(
    `newKey $ID.key
    openssl req -new -key $ID.key -subj "/CN=$ID" -out $ID.csr
    curl --silent --show-error --fail-with-body --cacert root.pem --user "$ID:${token}" \
      --header 'Content-Type: application/pkcs10' --data-binary @$ID.csr "$URL/.well-known/est/simpleenroll" |
      openssl base64 -d | openssl pkcs7 -inform DER -print_certs -out $ID.pem`,
    id,
  );
  expect([code, output]).toEqual([0, '']);
  expect(certificate(`${id}.pem`).subject).toBe(`C=DE\nO=Example & Söhne\nOU=gateways\nCN=${id}`);
  expect(certificate(`${id}.pem`).subjectAltName).toBe(
    `URI:urn:example:device:${id}, DNS:${id}.devices.example`,
  );
}
const subject = '-utf8 -subj "/C=DE/O=Example & Söhne/OU=gateways/CN=$ID"';
const san = '-addext "subjectAltName=DNS:$ID.devices.example,URI:urn:example:device:$ID"';

describeWith(['bash', 'openssl', 'curl'], 'simplereenroll of a certificate with names', () => {
  it.each([
    [
      'made from the certificate',
      'openssl x509 -x509toreq -in $ID.pem -signkey $ID.key -copy_extensions copyall',
    ],
    ['written by hand', `openssl req -new -key $ID.key ${subject} ${san}`],
  ])('takes a request that is %s', async (what, request) => {
    const id = `taken-${what.split(' ')[0]}`;
    await enroll(id);
    const { code, output } = await shell(
      `${request} -out $ID-2.csr; reenroll $ID-2.csr $ID.pem $ID.key $ID-2.pem`,
      id,
    );
    expect([code, output]).toEqual([0, '']);
    const [first, second] = [certificate(`${id}.pem`), certificate(`${id}-2.pem`)];
    expect([second.subject, second.subjectAltName]).toEqual([first.subject, first.subjectAltName]);
    expect(second.serialNumber).not.toBe(first.serialNumber);
  });

  it.each([
    ['the CN alone', '-subj "/CN=$ID"'],
    ['the subject without the alternative names', subject],
    ['the alternative names without the subject', `-subj "/CN=$ID" ${san}`],
    ['one alternative name', `${subject} -addext "subjectAltName=DNS:$ID.devices.example"`],
    ['another organization', `-subj "/C=DE/O=Other/OU=gateways/CN=$ID" ${san}`],
    [
      "another device's alternative names",
      `${subject} -addext "subjectAltName=DNS:other.devices.example,URI:urn:example:device:other"`,
    ],
  ])('refuses a request with %s', async (what, parameters) => {
    const id = `refused-${what.replaceAll(/[^a-z]/g, '')}`;
    await enroll(id);
    const { code, output } = await shell(
      `openssl req -new -key $ID.key ${parameters} -out $ID-2.csr; reenroll $ID-2.csr $ID.pem $ID.key $ID-2.pem`,
      id,
    );
    expect([code, output]).toEqual([1, expect.stringMatching(/^subject_mismatch: .*\n.*400/s)]);
  });

  it('gives the names that the profile has by now', async () => {
    await enroll('moved');
    await applyProfile({ subject: { organization: 'Successor' }, subjectAltNames: {} });
    const script = `openssl x509 -x509toreq -in $1.pem -signkey $ID.key -copy_extensions copyall -out $2.csr
      reenroll $2.csr $1.pem $ID.key $2.pem`;
    for (const [from, to] of [
      ['moved', 'moved-2'],
      ['moved-2', 'moved-3'],
    ]) {
      expect(await shell(`set -- ${from} ${to}; ${script}`, 'moved')).toEqual({ code: 0, output: '' });
      expect(certificate(`${to}.pem`).subject).toBe('O=Successor\nCN=moved');
      expect(certificate(`${to}.pem`).subjectAltName).toBeUndefined();
    }
    await applyProfile({});
  });
});

describeWith(['bash', 'openssl', 'curl', 'pki'], "strongSwan's pki", () => {
  it('re-enrolls with the names given at pki --req, which have other types of strings', async () => {
    // Its --san knows no URIs.
    await applyProfile({ subjectAltNames: { dns: ['{id}.devices.example', '{group}.example'] } });
    const id = 'swan-names';
    const { token } = await service.createToken({ device: id, group: 'gateways' });
    const { code, output } = await shell(
      `newKey $ID.key
      pki --estca --url "$URL" --cacert root.pem --caout ca.pem --outform pem --force
      pki --req --in $ID.key --type priv --dn "CN=$ID" > $ID.csr
      pki --est --url "$URL" --cacert root.pem --cacert ca-1.pem --in $ID.csr --userpass "$ID:${token}" --outform pem > $ID.pem
      pki --req --in $ID.key --type priv --dn "C=DE, O=Example & Söhne, OU=gateways, CN=$ID" \
        --san gateways.example --san $ID.devices.example > $ID-2.csr
      openssl req -inform DER -in $ID-2.csr -noout -subject -nameopt show_type
      pki --est --url "$URL" --cacert root.pem --cacert ca-1.pem --in $ID-2.csr --cert $ID.pem --key $ID.key \
        --outform pem > $ID-2.pem
      pki --verify --in $ID-2.pem --cacert root.pem --cacert ca-1.pem`,
      id,
    );
    expect([code, output]).toEqual([0, expect.stringContaining('certificate trusted')]);
    expect(output).toContain('OU=PRINTABLESTRING:gateways');
    expect(certificate(`${id}-2.pem`).subject).toBe(certificate(`${id}.pem`).subject);
    expect(certificate(`${id}-2.pem`).subjectAltName).toBe(
      'DNS:swan-names.devices.example, DNS:gateways.example',
    );
    await applyProfile({});
  });
});
