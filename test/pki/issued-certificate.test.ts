/** What stands in the certificates that devices get, and when they get none. */
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import {
  boolean,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../../core/pki/der.ts';
import { issueDeviceCertificate, issueRootCertificate } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';
import { parseProfile } from '../../core/pki/profile.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import { certificateFields } from './certificate-fields.ts';
import { rejectionOf } from './refusal.ts';
import { buildRequest } from './request-builder.ts';
import {
  createAuthority,
  DAY,
  deviceNamed,
  generateKeyPairs,
  issueDevice,
  profile,
  SECOND,
  STATUS_URL,
} from './test-authority.ts';

const now = Date.UTC(2026, 4, 1, 12, 0, 0, 750);
const keys = generateKeyPairs();
const { issuing } = await createAuthority({
  now,
  rootKeys: keys['ec-p384'],
  issuingKeys: keys['ec-p256'],
});
const deviceKey = publicKeyOf(keys['ec-p256'].publicKey);
const device = await issueDevice({ issuer: issuing, now, keys: keys['ec-p256'] });

describe('a device certificate', () => {
  const fields = certificateFields(device.der);

  it('names the device by its CN alone, as UTF8String', () => {
    expect(Buffer.from(fields.subject).toString('latin1')).toBe(
      '0\x121\x100\x0e\x06\x03\x55\x04\x03\x0c\x07press-7',
    );
  });

  it('carries the key of the request and the name of the issuer, byte for byte', () => {
    expect(fields.spki).toEqual(Buffer.from(deviceKey.spki));
    expect(fields.issuer).toEqual(Buffer.from(issuing.certificate.subjectDer));
    expect(device.keyFingerprint).toBe(deviceKey.keyFingerprint);
  });

  it('is for digital signatures of a client, and nothing else', () => {
    expect(fields.extensions.get(oids.keyUsage)).toBe('critical 03020780');
    expect(fields.extensions.get(oids.extendedKeyUsage)).toBe('300a06082b06010505070302');
    expect(fields.extensions.has(oids.basicConstraints)).toBe(false);
    expect(new X509Certificate(device.der).ca).toBe(false);
  });

  it('points at its issuer and at where its status can be asked', () => {
    const identifier = Buffer.from(issuing.certificate.subjectKeyIdentifier).toString('hex');
    expect(fields.extensions.get(oids.authorityKeyIdentifier)).toBe(`30168014${identifier}`);
    const urls = statusUrls(STATUS_URL, issuing.certificate.fingerprint);
    const pointers = Buffer.from(fields.extensions.get(oids.crlDistributionPoints) ?? '', 'hex').toString(
      'latin1',
    );
    expect(pointers.endsWith(urls.crl)).toBe(true);
    expect(new X509Certificate(device.der).infoAccess?.trim()).toBe(
      `OCSP - URI:${urls.ocsp}\nCA Issuers - URI:${urls.caIssuers}`,
    );
  });

  it('has no extension but these', () => {
    expect([...fields.extensions.keys()]).toEqual([
      oids.keyUsage,
      oids.extendedKeyUsage,
      oids.authorityKeyIdentifier,
      oids.crlDistributionPoints,
      oids.authorityInfoAccess,
    ]);
  });

  it('takes no extension from the request: not CA, not key usage, not another name', async () => {
    const extension = (oid: string, value: Parameters<typeof octetString>[0]) =>
      sequence(objectIdentifier(oid), boolean(true), octetString(value));
    const wanted = sequence(
      extension(oids.basicConstraints, sequence(boolean(true), integer(5))),
      extension(oids.keyUsage, Buffer.from('03020106', 'hex')),
      extension(oids.extendedKeyUsage, sequence(objectIdentifier(oids.serverAuth))),
      extension(oids.subjectAltName, Buffer.from('3006820467617465', 'hex')),
    );
    const attributes = implicit(0, sequence(objectIdentifier('1.2.840.113549.1.9.14'), setOf(wanted)));
    const { publicKey } = parseCsr(buildRequest({ privateKey: keys['ec-p256'].privateKey, attributes }));
    const issued = await issueDeviceCertificate({
      issuer: issuing,
      profile,
      device: deviceNamed('press-7'),
      publicKey,
      now,
      statusUrl: STATUS_URL,
      reservedHostnames: [],
    });
    expect(certificateFields(issued.der).extensions).toEqual(fields.extensions);
  });

  it('is signed by the issuer, with an algorithm that names no parameters for ECDSA', () => {
    expect(new X509Certificate(device.der).verify(keys['ec-p256'].publicKey)).toBe(true);
    expect(fields.signatureAlgorithm).toBe('300a06082a8648ce3d040302');
  });

  it('is reported as it stands', () => {
    const certificate = new X509Certificate(device.pem);
    expect(certificate.raw).toEqual(Buffer.from(device.der));
    expect(certificate.serialNumber).toBe(device.serialNumber);
    expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(device.fingerprint);
    expect(Date.parse(certificate.validFrom)).toBe(device.notBefore);
    expect(Date.parse(certificate.validTo)).toBe(device.notAfter);
  });

  it('has 16 random octets for its serial number, positive and not zero', async () => {
    const serialNumbers = new Set<string>();
    for (let count = 0; count < 50; count += 1) {
      const { der, serialNumber } = await issueDevice({ issuer: issuing, now, keys: keys['ec-p256'] });
      expect(certificateFields(der).serialNumber).toBe(serialNumber.toLowerCase());
      expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
      serialNumbers.add(serialNumber);
    }
    expect(serialNumbers.size).toBe(50);
  });

  it('is refused for a key that the profile does not take', async () => {
    const narrow = parseProfile({ name: 'narrow', validity: '1d', keys: ['ed25519'] });
    const request = {
      issuer: issuing,
      profile: narrow,
      device: deviceNamed('press-7'),
      now,
      statusUrl: STATUS_URL,
      reservedHostnames: [],
    };
    expect(await rejectionOf(() => issueDeviceCertificate({ ...request, publicKey: deviceKey }))).toBe(
      'key_unsupported',
    );
    const other = publicKeyOf(keys.ed25519.publicKey);
    expect(await rejectionOf(() => issueDeviceCertificate({ ...request, publicKey: other }))).toBeNull();
  });
});

describe('the validity of a certificate', () => {
  it('begins 60 seconds early and ends when the profile says, on whole seconds', () => {
    const second = Math.floor(now / SECOND) * SECOND;
    expect(device.notBefore).toBe(second - 60 * SECOND);
    expect(device.notAfter).toBe(second + 90 * DAY);
    const { notBefore, notAfter } = certificateFields(device.der);
    expect([notBefore, notAfter]).toEqual(['UTCTime 260501115900Z', 'UTCTime 260730120000Z']);
  });

  it('stays within that of the issuer', async () => {
    const short = await createAuthority({ now, issuingValidity: 10 * DAY });
    const { notBefore, notAfter } = short.issuing.certificate;
    const late = await issueDevice({ issuer: short.issuing, now: now + 9 * DAY, keys: keys.ed25519 });
    expect(late.notAfter).toBe(notAfter);
    const slowClocks = parseProfile({ name: 'slow', validity: '1d', backdate: '1d' });
    const early = await issueDeviceCertificate({
      issuer: short.issuing,
      profile: slowClocks,
      device: deviceNamed('press-7'),
      publicKey: deviceKey,
      now,
      statusUrl: STATUS_URL,
      reservedHostnames: [],
    });
    expect(early.notBefore).toBe(notBefore);
  });

  it('is refused once the issuer has expired', async () => {
    const short = await createAuthority({ now, issuingValidity: 10 * DAY });
    const { notAfter } = short.issuing.certificate;
    const attempt = (at: number) =>
      rejectionOf(() => issueDevice({ issuer: short.issuing, now: at, keys: keys.ed25519 }));
    expect(await attempt(notAfter - 1)).toBeNull();
    expect(await attempt(notAfter)).toBe('issuer_expired');
  });

  it('is UTCTime through 2049 and GeneralizedTime after (RFC 5280 §4.1.2.5)', async () => {
    const endOf2049 = Date.UTC(2049, 11, 31, 23, 59, 59);
    const { privateKey } = keys.ed25519;
    for (const [end, text] of [
      [endOf2049, 'UTCTime 491231235959Z'],
      [endOf2049 + SECOND, 'GeneralizedTime 20500101000000Z'],
    ] as const) {
      const root = { commonName: 'Root', key: signingKeyOf(privateKey), now, validity: end - now };
      const { der, notAfter } = await issueRootCertificate(root);
      expect(notAfter).toBe(end);
      expect(certificateFields(der).notAfter).toBe(text);
      expect(Date.parse(new X509Certificate(der).validTo)).toBe(end);
      expect(parseCaCertificate(der).notAfter).toBe(end);
    }
  });
});
