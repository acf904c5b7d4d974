/** What stands in the certificates of Gatehouse's own listeners and of its OCSP responder. */
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { issueOcspResponderCertificate, issueServerCertificate } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import { certificateFields } from './certificate-fields.ts';
import { rejectionOf } from './refusal.ts';
import { createAuthority, DAY, generateKeyPair, STATUS_URL } from './test-authority.ts';

const now = Date.UTC(2026, 4, 1, 12, 0, 0, 750);
const { issuing } = await createAuthority({ now });
const publicKey = publicKeyOf(generateKeyPair('ec-p256').publicKey);

describe('a server certificate', () => {
  const request = {
    issuer: issuing,
    commonName: 'gatehouse broker',
    publicKey,
    validity: 30 * DAY,
    now,
    statusUrl: STATUS_URL,
  };

  it('is for servers, and names hosts and addresses in their own forms', async () => {
    const hostnames = [
      'localhost',
      'gate.example',
      '127.0.0.1',
      '::1',
      'fe80::1:2',
      '::ffff:10.0.0.1',
      'localhost',
    ];
    const { der } = await issueServerCertificate({ ...request, hostnames });
    const certificate = new X509Certificate(der);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, DNS:gate.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, ' +
        'IP Address:FE80:0:0:0:0:0:1:2, IP Address:0:0:0:0:0:FFFF:A00:1',
    );
    expect(certificateFields(der).extensions.get(oids.keyUsage)).toBe('critical 03020780');
    expect(certificate.checkHost('gate.example')).toBe('gate.example');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  });

  it('is refused for names that are none', async () => {
    for (const name of [
      '',
      'a b',
      'gate..example',
      '-gate',
      '10.0.0.300',
      '1.2.3',
      ':::1',
      '1::2::3',
      '[::1]',
      'g\u00e4te',
      'x:y',
    ]) {
      expect(await rejectionOf(() => issueServerCertificate({ ...request, hostnames: [name] }))).toBe(
        'setting_invalid',
      );
    }
    expect(await rejectionOf(() => issueServerCertificate({ ...request, hostnames: [] }))).toBe(
      'setting_invalid',
    );
  });

  it('is refused with a CN beyond 64 characters', async () => {
    const commonName = 'g'.repeat(65);
    const attempt = () => issueServerCertificate({ ...request, commonName, hostnames: ['localhost'] });
    expect(await rejectionOf(attempt)).toBe('cn_invalid');
  });
});

describe('the certificate of an OCSP responder', () => {
  it('is for OCSP alone, and not to be asked about (RFC 6960 §4.2.2.2)', async () => {
    const { der } = await issueOcspResponderCertificate({
      issuer: issuing,
      commonName: 'Test OCSP',
      publicKey,
      validity: DAY,
      now,
    });
    const { extensions } = certificateFields(der);
    expect(extensions.get(oids.extendedKeyUsage)).toBe('300a06082b06010505070309');
    expect(extensions.get(oids.ocspNoCheck)).toBe('0500');
    expect(extensions.get(oids.keyUsage)).toBe('critical 03020780');
    expect(extensions.has(oids.crlDistributionPoints)).toBe(false);
  });
});

describe('status addresses', () => {
  it('are the same with and without a slash at the end of the base', () => {
    const { fingerprint } = issuing.certificate;
    expect(statusUrls(`${STATUS_URL}/`, fingerprint)).toEqual(statusUrls(STATUS_URL, fingerprint));
    expect(statusUrls(STATUS_URL, fingerprint)).toEqual({
      crl: `http://status.test:8080/crl/${fingerprint}.crl`,
      caIssuers: `http://status.test:8080/ca/${fingerprint}.cer`,
      ocsp: 'http://status.test:8080/ocsp',
    });
  });
});
