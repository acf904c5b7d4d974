/** The lists of an issuer and their addresses. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseFingerprint, parseSerialNumber } from '../../core/ids.ts';
import {
  type CrlPart,
  crlFileName,
  crlPartOf,
  crlUrl,
  parseCrlFileName,
  shardsOf,
} from '../../core/pki/crl-names.ts';
import { oids } from '../../core/pki/oids.ts';
import { certificateFields } from './certificate-fields.ts';
import { createAuthority, generateKeyPairs, issueDevice, STATUS_URL } from './test-authority.ts';

const issuer = parseFingerprint('ab'.repeat(32));
const parts = (shards: 1 | 16 | 256) => shardsOf(shards).map((digits): CrlPart => `shard-${digits}`);

describe('the name of a list', () => {
  it('is read as it was written, and no two lists have the same', () => {
    const all: CrlPart[] = ['full', 'delta', ...parts(16), ...parts(256)];
    for (const part of all) expect(parseCrlFileName(crlFileName({ issuer, part }))).toEqual({ issuer, part });
    expect(new Set(all.map((part) => crlFileName({ issuer, part }))).size).toBe(2 + 16 + 256);
  });

  it('is nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (suffix) => {
        const parsed = parseCrlFileName(issuer + suffix);
        expect(parsed === undefined ? undefined : crlFileName(parsed)).toBe(parsed && issuer + suffix);
      }),
    );
    for (const text of [
      '',
      issuer.slice(1),
      issuer.toUpperCase(),
      `${issuer}-`,
      `${issuer}-abc`,
      `${issuer}\n`,
    ])
      expect(parseCrlFileName(text)).toBeUndefined();
  });

  it('ends the address, with a slash at the end of the base or without', () => {
    const url = `http://x/crl/${issuer}-a3.crl`;
    for (const base of ['http://x', 'http://x/'])
      expect(crlUrl(base, { issuer, part: 'shard-a3' })).toBe(url);
  });
});

describe('the shard of a certificate', () => {
  it('has the last digits of its serial number', () => {
    const serialNumber = parseSerialNumber('4A0000A3');
    expect(crlPartOf(serialNumber, 1)).toBe('full');
    expect(crlPartOf(serialNumber, 16)).toBe('shard-3');
    expect(crlPartOf(serialNumber, 256)).toBe('shard-a3');
  });

  it('is what the CDP of the certificate names', async () => {
    const keys = generateKeyPairs();
    const now = Date.UTC(2026, 4, 1);
    const { issuing } = await createAuthority({ now, issuingKeys: keys['ec-p256'] });
    const { fingerprint } = issuing.certificate;
    for (const crlShards of [1, 16, 256] as const) {
      const { der, serialNumber } = await issueDevice({
        issuer: issuing,
        now,
        keys: keys['ec-p256'],
        crlShards,
      });
      const cdp = certificateFields(der).extensions.get(oids.crlDistributionPoints) ?? '';
      const part = crlPartOf(serialNumber, crlShards);
      const url = crlUrl(STATUS_URL, { issuer: fingerprint, part });
      expect(
        Buffer.from(cdp, 'hex')
          .toString('latin1')
          .endsWith(`\x86${String.fromCharCode(url.length)}${url}`),
      ).toBe(true);
    }
  });
});
