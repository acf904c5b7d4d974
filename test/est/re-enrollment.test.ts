/** simplereenroll: by the current certificate over mutual TLS, and by nothing else. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import { objectIdentifier, sequence, setOf, utf8String } from '../../core/pki/der.ts';
import { commonNameOnly } from '../../core/pki/name.ts';
import { oids } from '../../core/pki/oids.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { generatePrivateKey, privateKeyPem } from '../../device-sim/identity/private-key.ts';
import { buildRequest, commonNameAttribute, nameOf } from '../pki/request-builder.ts';
import { createAuthority, generateKeyPair, issueDevice } from '../pki/test-authority.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { certificatesIn } from './certificates-in.ts';
import { basic, callEst, csrText, type EstAnswer } from './est-client.ts';

interface Identity {
  readonly privateKey: KeyObject;
  readonly certificate: X509Certificate;
}

describeWith(['openssl'], 'simplereenroll', () => {
  const folder = temporaryFolder();
  let service: TestEnroll;
  beforeAll(async () => {
    service = await startTestEnroll(folder);
  });
  afterAll(() => service.close());

  async function enrolled(commonName: string): Promise<Identity> {
    const privateKey = await generatePrivateKey();
    const { token } = await service.createToken();
    const body = csrText({ commonName, privateKey });
    const answer = await callEst(service, { path: '/simpleenroll', body, headers: basic('', token) });
    return { privateKey, certificate: onlyCertificateIn(answer) };
  }
  function onlyCertificateIn(answer: EstAnswer): X509Certificate {
    expect([answer.status, answer.status === 200 ? '' : answer.body]).toEqual([200, '']);
    const [certificate, ...others] = certificatesIn(answer.body);
    if (certificate === undefined || others.length > 0) throw new Error('not one certificate');
    return certificate;
  }
  function reenroll(identity: Identity, body: string, path = '/simplereenroll'): Promise<EstAnswer> {
    const tls = { key: privateKeyPem(identity.privateKey), cert: String(identity.certificate) };
    return callEst(service, { path, body, tls });
  }
  const expectRefused = ({ status, body }: EstAnswer, expected: number, code: string) =>
    expect([status, body]).toEqual([expected, expect.stringMatching(`^${code}: `)]);

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('renews with the same key, over %s', async (version) => {
    const identity = await enrolled(`renew-${version}`);
    const tls = {
      key: privateKeyPem(identity.privateKey),
      cert: String(identity.certificate),
      minVersion: version,
      maxVersion: version,
    };
    const body = csrText({ commonName: `renew-${version}`, privateKey: identity.privateKey });
    const certificate = onlyCertificateIn(await callEst(service, { path: '/simplereenroll', body, tls }));
    expect(certificate.serialNumber).not.toBe(identity.certificate.serialNumber);
    expect(certificate.subject).toBe(identity.certificate.subject);
    expect(certificate.checkPrivateKey(identity.privateKey)).toBe(true);
  });

  it('rekeys with a new key, and gives the same again where the answer was lost', async () => {
    const identity = await enrolled('rekey');
    const privateKey = await generatePrivateKey();
    const body = csrText({ commonName: 'rekey', privateKey });
    const first = onlyCertificateIn(await reenroll(identity, body));
    expect(first.checkPrivateKey(privateKey)).toBe(true);
    const second = onlyCertificateIn(await reenroll(identity, body, '/devices/simplereenroll'));
    expect(second.serialNumber).toBe(first.serialNumber);
    onlyCertificateIn(await reenroll({ privateKey, certificate: first }, body));
  });

  it('is refused without a certificate, whatever token comes along', async () => {
    const { token } = await service.createToken();
    const body = csrText({ commonName: 'tokens-only', privateKey: await generatePrivateKey() });
    for (const headers of [{ 'User-Agent': 'curl' }, basic('', token)]) {
      const answer = await callEst(service, { path: '/simplereenroll', body, headers });
      expectRefused(answer, 401, 'certificate_missing');
    }
  });

  it("is refused by another device's certificate", async () => {
    await enrolled('genuine');
    const other = await enrolled('other');
    const body = csrText({ commonName: 'genuine', privateKey: other.privateKey });
    expectRefused(await reenroll(other, body), 400, 'subject_mismatch');
  });

  it('is refused by a certificate of a CA of its own making', async () => {
    await enrolled('press-7');
    const keys = generateKeyPair('ec-p256');
    const { issuing } = await createAuthority({ now: Date.now() });
    const { pem } = await issueDevice({ issuer: issuing, now: Date.now(), keys });
    const forged = { privateKey: keys.privateKey, certificate: new X509Certificate(pem) };
    const body = csrText({ commonName: 'press-7', privateKey: keys.privateKey });
    expectRefused(await reenroll(forged, body), 403, 'certificate_untrusted');
  });

  it.each(['revoke', 'suspend'])('is refused after: device %s', async (action) => {
    const identity = await enrolled(`to-${action}`);
    await service.operator<DeviceDetail>('POST', `/devices/to-${action}/${action}`, {});
    const body = csrText({ commonName: `to-${action}`, privateKey: identity.privateKey });
    const answer = await reenroll(identity, body);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatch(/^(device|certificate)_(revoked|suspended): /);
  });

  it('is refused for any other subject, and for a subjectAltName', async () => {
    const identity = await enrolled('same');
    const { privateKey } = identity;
    const ou = sequence(objectIdentifier(oids.organizationalUnitName), utf8String('works'));
    const subjects = [
      nameOf('other'),
      sequence(),
      sequence(setOf(commonNameAttribute('same')), setOf(ou)),
      commonNameOnly('same, OU=works'),
    ];
    for (const subject of subjects) {
      const der = buildRequest({ privateKey, subject });
      expectRefused(await reenroll(identity, Buffer.from(der).toString('base64')), 400, 'subject_mismatch');
    }
    const san = { oid: oids.subjectAltName, critical: false, value: Buffer.from('3000', 'hex') };
    const extended = await buildCsr({ commonName: 'same', privateKey, extensions: [san] });
    expectRefused(
      await reenroll(identity, Buffer.from(extended).toString('base64')),
      400,
      'subject_mismatch',
    );
    onlyCertificateIn(await reenroll(identity, csrText({ commonName: 'same', privateKey })));
  });

  it('is refused with a request that its key did not sign, or under an unknown label', async () => {
    const identity = await enrolled('careful');
    const body = csrText({ commonName: 'careful', privateKey: identity.privateKey });
    const der = Buffer.from(body, 'base64');
    const forged = Buffer.concat([der.subarray(0, -1), Buffer.of((der.at(-1) ?? 0) ^ 1)]);
    expectRefused(await reenroll(identity, forged.toString('base64')), 400, 'csr_signature_invalid');
    expectRefused(await reenroll(identity, body, '/nowhere/simplereenroll'), 404, 'group_unknown');
    const bound = csrText({ commonName: 'careful', privateKey: identity.privateKey, challengePassword: 'x' });
    expectRefused(await reenroll(identity, bound), 400, 'channel_binding_mismatch');
  });
});
