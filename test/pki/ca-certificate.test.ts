/** What stands in the certificates of the root and the issuing CA, and how they are read back. */

import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { issueIssuingCertificate, issueRootCertificate } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';
import { keyKinds, publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner, signingKeyOf } from '../../core/pki/signer.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import { certificateFields } from './certificate-fields.ts';
import { refusalOf, rejectionOf } from './refusal.ts';
import { createAuthority, DAY, generateKeyPairs, issueDevice, STATUS_URL } from './test-authority.ts';

const now = Date.UTC(2026, 4, 1, 12, 0, 0, 750);
const keys = generateKeyPairs();
const { root, issuing } = await createAuthority({
  now,
  rootKeys: keys['ec-p384'],
  issuingKeys: keys['ec-p256'],
});
const deviceKey = publicKeyOf(keys['ec-p256'].publicKey);
const device = await issueDevice({ issuer: issuing, now, keys: keys['ec-p256'] });

describe('CA certificates', () => {
  it('say so: the root over any number of CAs below it, the issuing CA over none', () => {
    const rootFields = certificateFields(root.certificate.der).extensions;
    const issuingFields = certificateFields(issuing.certificate.der).extensions;
    expect(rootFields.get(oids.basicConstraints)).toBe('critical 30030101ff');
    expect(issuingFields.get(oids.basicConstraints)).toBe('critical 30060101ff020100');
    for (const fields of [rootFields, issuingFields])
      expect(fields.get(oids.keyUsage)).toBe('critical 03020106');
  });

  it('identify their keys by 160 bits of SHA-256 (RFC 7093 §2), and their issuers by the same', () => {
    const identifier = ({ certificate }: typeof root) =>
      Buffer.from(certificate.subjectKeyIdentifier).toString('hex');
    for (const authority of [root, issuing]) {
      expect(identifier(authority)).toHaveLength(40);
      const { extensions } = certificateFields(authority.certificate.der);
      expect(extensions.get(oids.subjectKeyIdentifier)).toBe(`0414${identifier(authority)}`);
      expect(extensions.get(oids.authorityKeyIdentifier)).toBe(`30168014${identifier(root)}`);
    }
    expect(identifier(root)).not.toBe(identifier(issuing));
  });

  it('name a CRL, and nobody who would answer OCSP for a root', () => {
    const { infoAccess } = new X509Certificate(issuing.certificate.der);
    expect(infoAccess?.trim()).toBe(
      `CA Issuers - URI:${statusUrls(STATUS_URL, root.certificate.fingerprint).caIssuers}`,
    );
    expect(certificateFields(issuing.certificate.der).extensions.has(oids.crlDistributionPoints)).toBe(true);
  });

  it('carry no status address where none is known', async () => {
    const certificate = await issueIssuingCertificate({
      root,
      commonName: 'Quiet CA',
      publicKey: deviceKey,
      validity: DAY,
      now,
    });
    const { extensions } = certificateFields(certificate.der);
    expect(extensions.has(oids.crlDistributionPoints)).toBe(false);
    expect(extensions.has(oids.authorityInfoAccess)).toBe(false);
  });

  it('can have keys of every kind, each signing with its own algorithm', async () => {
    const identifiers = {
      'ec-p256': '300a06082a8648ce3d040302',
      'ec-p384': '300a06082a8648ce3d040303',
      ed25519: '300506032b6570',
      rsa: '300d06092a864886f70d01010b0500',
    };
    for (const kind of keyKinds) {
      const { privateKey, publicKey } = keys[kind];
      const key = signingKeyOf(privateKey);
      const { der } = await issueRootCertificate({ commonName: 'Root', key, validity: DAY, now });
      expect(new X509Certificate(der).verify(publicKey)).toBe(true);
      expect(certificateFields(der).signatureAlgorithm).toBe(identifiers[kind]);
    }
  });

  it('sign with private keys alone', () => {
    expect(refusalOf(() => createKeySigner(keys.ed25519.publicKey))).toBe('key_unsupported');
  });

  it('sign nothing with a key that is not theirs', async () => {
    const mixed = { certificate: issuing.certificate, signer: root.signer };
    expect(await rejectionOf(() => issueDevice({ issuer: mixed, now, keys: keys.rsa }))).toBe(
      'issuer_key_mismatch',
    );
  });
});

describe('a CA certificate read back', () => {
  it('gives what it was issued with', () => {
    const { certificate } = issuing;
    const independent = new X509Certificate(certificate.der);
    expect(certificate.subject).toBe('CN=Test Issuing CA');
    expect(certificate.serialNumber).toBe(independent.serialNumber);
    expect(certificate.notBefore).toBe(Date.parse(independent.validFrom));
    expect(certificate.notAfter).toBe(Date.parse(independent.validTo));
    expect(certificate.publicKey.keyObject.equals(independent.publicKey)).toBe(true);
    expect(new X509Certificate(certificate.pem).raw).toEqual(Buffer.from(certificate.der));
  });

  it('is refused for a leaf, for trailing bytes, for no certificate', () => {
    const { der } = issuing.certificate;
    for (const bytes of [device.der, Buffer.concat([der, Buffer.of(0)]), der.subarray(1), new Uint8Array()]) {
      expect(refusalOf(() => parseCaCertificate(bytes))).toBe('certificate_malformed');
    }
  });

  it('is refused with a version other than 3, or a serial number that none can have', () => {
    const bytes = Buffer.from(issuing.certificate.der);
    const at = bytes.indexOf(Buffer.from('a0030201020210', 'hex'));
    for (const [offset, octet] of [
      [4, 1],
      [7, 0x80],
    ] as const) {
      const changed = Buffer.from(bytes);
      changed[at + offset] = octet;
      expect(refusalOf(() => parseCaCertificate(changed))).toBe('certificate_malformed');
    }
  });

  it('is refused where a byte of what makes it a CA is changed', () => {
    const changed = (from: string, to: string) => {
      const bytes = Buffer.from(issuing.certificate.der);
      const at = bytes.indexOf(Buffer.from(from, 'hex'));
      expect(at).toBeGreaterThan(0);
      bytes.set(Buffer.from(to, 'hex'), at);
      return refusalOf(() => parseCaCertificate(bytes));
    };
    expect(changed('30060101ff020100', '3006010100020100')).toBe('certificate_malformed');
    expect(changed('0403020106', '0403020102')).toBe('certificate_malformed');
    // Another OID in place of the identifier's, of the usage's, and of an extension's that stands there already.
    expect(changed('0603551d0e', '0603551d0d')).toBe('certificate_malformed');
    expect(changed('0603551d0f', '0603551d1e')).toBe('certificate_malformed');
    expect(changed('0603551d1f', '0603551d23')).toBe('certificate_malformed');
  });
});
