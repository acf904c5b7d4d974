/** EST clients that others wrote, with TLS 1.2 and 1.3: strongSwan's pki, and curl with openssl. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let service: TestEnroll;
const folder = temporaryFolder();
beforeAll(async () => {
  service = await startTestEnroll(folder);
  writeFileSync(join(folder, 'root.pem'), service.ca);
});
afterAll(() => service?.close());

/** Runs a shell script in the folder; the service is in this process, so it must not be waited for in place. */
function shell(script: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const env = { ...process.env, URL: service.enrollUrl, ...environment };
  const options = { cwd: folder, env, encoding: 'utf8', timeout: 60_000 } as const;
  return new Promise((done, failed) => {
    execFile('bash', ['--norc', '-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
      if (error === null) done(stdout + stderr);
      else failed(new Error(`${error.message}\n${stdout}${stderr}`));
    });
  });
}
const certificate = (name: string) => new X509Certificate(readFileSync(join(folder, name)));

describeWith(['bash', 'pki', 'openssl'], "strongSwan's pki", () => {
  it.each(['1.2', '1.3'])('gets the CA certificates, enrolls and re-enrolls with TLS %s', async (version) => {
    const id = `swan-${version}`;
    const { token } = await service.createToken({ device: id });
    writeFileSync(
      join(folder, 'strongswan.conf'),
      `pki {\n  tls {\n    version_min = ${version}\n    version_max = ${version}\n  }\n}\n`,
    );
    const output = await shell(
      `
      pki --estca --url "$URL" --cacert root.pem --caout ca.pem --outform pem --force
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $ID.key
      openssl req -new -key $ID.key -subj "/CN=$ID" -outform DER -out $ID.csr
      pki --est --url "$URL" --cacert root.pem --cacert ca-1.pem --in $ID.csr \
        --userpass "$ID:$TOKEN" --outform pem > $ID.pem
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out $ID-2.key
      openssl req -new -key $ID-2.key -subj "/CN=$ID" -outform DER -out $ID-2.csr
      pki --est --url "$URL" --cacert root.pem --cacert ca-1.pem --in $ID-2.csr \
        --cert $ID.pem --key $ID.key --outform pem > $ID-2.pem
      pki --verify --in $ID-2.pem --cacert root.pem --cacert ca-1.pem
      `,
      { ID: id, TOKEN: token, STRONGSWAN_CONF: join(folder, 'strongswan.conf') },
    );
    expect(output).toContain(`negotiated TLS ${version} `);
    expect(output).toContain('certificate trusted');
    expect(certificate('ca.pem').fingerprint256).toBe(new X509Certificate(service.ca).fingerprint256);
    const [first, second] = [certificate(`${id}.pem`), certificate(`${id}-2.pem`)];
    expect([first.subject, second.subject]).toEqual([`CN=${id}`, `CN=${id}`]);
    expect(first.fingerprint256).not.toBe(second.fingerprint256);
  });

  it('is told no in a way that ends it', async () => {
    const script = `
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out stranger.key
      openssl req -new -key stranger.key -subj /CN=stranger -outform DER -out stranger.csr
      ! pki --est --url "$URL" --cacert root.pem --in stranger.csr --userpass stranger:nonsense > stranger.pem`;
    await shell(script);
    expect(readFileSync(join(folder, 'stranger.pem'))).toHaveLength(0);
  });
});

describeWith(['bash', 'curl', 'openssl'], 'curl and openssl', () => {
  it.each([
    ['1.2', '--tls-max 1.2'],
    ['1.3', '--tlsv1.3'],
  ])('get the CA certificates, enroll and re-enroll with TLS %s', async (version, flag) => {
    const id = `curl-${version}`;
    const { token } = await service.createToken({ device: id });
    const output = await shell(
      `
      est() { curl --silent --show-error --fail-with-body ${flag} --cacert root.pem "$URL/.well-known/est/$1" "\${@:2}"; }
      est cacerts | openssl base64 -d | openssl pkcs7 -inform DER -print_certs -out cas.pem
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $ID.key -subj "/CN=$ID" -out $ID.csr
      est simpleenroll --user "$ID:$TOKEN" --header 'Content-Type: application/pkcs10' --data-binary @$ID.csr |
        openssl base64 -d | openssl pkcs7 -inform DER -print_certs -out $ID.pem
      openssl verify -CAfile root.pem -untrusted cas.pem $ID.pem
      openssl req -new -key $ID.key -subj "/CN=$ID" -outform DER | openssl base64 -A > $ID.b64
      est simplereenroll --cert $ID.pem --key $ID.key --header 'Content-Type: application/pkcs10' --data @$ID.b64 |
        openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs -out $ID-2.pem
      openssl verify -CAfile root.pem -untrusted cas.pem $ID-2.pem
      `,
      { ID: id, TOKEN: token },
    );
    expect(output).toContain(`${id}.pem: OK`);
    expect(output).toContain(`${id}-2.pem: OK`);
    expect(certificate(`${id}-2.pem`).subject).toBe(`CN=${id}`);
  });
});
