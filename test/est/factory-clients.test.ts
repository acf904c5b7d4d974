/** Factory certificates that openssl made, shown by curl and by strongSwan's pki. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ManufacturerView } from '../../core/api/manufacturers.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A root, an intermediate and a device, as IEEE 802.1AR §8 has them: no end, and the serial number in the subject. */
const FACTORY = `
  ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
  ec root.key; ec line.key; ec device.key; ec own.key
  openssl req -x509 -new -key root.key -subj "/O=Acme/CN=Acme Root" -days 3650 -out acme.pem
  openssl req -new -key line.key -subj "/O=Acme/CN=Acme Line" -out line.csr
  openssl x509 -req -in line.csr -CA acme.pem -CAkey root.key -CAcreateserial -days 3650 -out line.pem \\
    -extfile <(printf 'basicConstraints=critical,CA:TRUE,pathlen:0\\nkeyUsage=critical,keyCertSign')
  openssl req -new -key device.key -subj "/O=Acme/CN=Model 7/serialNumber=A0042" -out device.csr
  openssl x509 -req -in device.csr -CA line.pem -CAkey line.key -CAcreateserial -days 2900000 -out device.pem \\
    -extfile <(printf 'keyUsage=critical,digitalSignature,keyEncipherment\\nsubjectKeyIdentifier=hash')
  cat device.pem line.pem > chain.pem
  openssl req -new -key own.key -subj / -out own.csr
  openssl req -new -key own.key -subj /CN=acme-A0042 -outform DER -out own.der`;

describeWith(['bash', 'curl', 'openssl', 'pki'], 'a device from a factory that uses openssl', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  beforeAll(async () => {
    service = await startTestEnroll(folder);
    writeFileSync(join(folder, 'root.pem'), service.ca);
    await shell(FACTORY);
    const { status, body } = await service.operator<ManufacturerView>('PUT', '/manufacturers/acme', {
      certificates: readFileSync(join(folder, 'acme.pem'), 'utf8'),
      group: 'devices',
      admit: 'any',
      idFrom: 'serialNumber',
      idPrefix: 'acme-',
    });
    expect([status, body.certificates.length]).toEqual([200, 1]);
  });
  afterAll(() => service.close());

  /** Runs a shell script in the folder; the service is in this process, so it must not be waited for in place. */
  function shell(script: string): Promise<string> {
    const env = { ...process.env, URL: service.enrollUrl };
    const options = { cwd: folder, env, encoding: 'utf8', timeout: 60_000 } as const;
    return new Promise((done, failed) => {
      execFile('bash', ['--norc', '-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
        if (error === null) done(stdout + stderr);
        else failed(new Error(`${error.message}\n${stdout}${stderr}`));
      });
    });
  }

  it('enrolls with curl over EST, and gets the same again in the other form', async () => {
    const curl = `curl --silent --show-error --fail-with-body --cacert root.pem --cert chain.pem --key device.key \\
      --header 'Content-Type: application/pkcs10' --data-binary @own.csr`;
    // The listener takes the manufacturer in a moment after it was registered.
    await eventually(() =>
      shell(`${curl} "$URL/.well-known/est/simpleenroll" > est.b64`).then(
        () => true,
        () => false,
      ),
    );
    const output = await shell(`
      openssl base64 -d < est.b64 | openssl pkcs7 -inform DER -print_certs -out est.pem
      ${curl} --header 'Accept: application/pem-certificate-chain' "$URL/v1/enroll" > own.pem
      openssl verify -CAfile root.pem -untrusted own.pem est.pem`);
    expect(output).toContain('est.pem: OK');
    const [est, own] = ['est.pem', 'own.pem'].map(
      (name) => new X509Certificate(readFileSync(join(folder, name))),
    );
    expect(est?.subject).toBe('CN=acme-A0042');
    expect(own?.fingerprint256).toBe(est?.fingerprint256);
  });

  it('cannot with strongSwan, which takes any certificate for one to renew', async () => {
    const output = await shell(`
      ! pki --est --url "$URL" --cacert root.pem --in own.der --cert chain.pem --key device.key 2>&1 > none.pem`);
    expect(output).toMatch(/EST request failed: HTTP 40[03]/);
  });
});
