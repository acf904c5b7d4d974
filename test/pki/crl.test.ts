/** Certificate revocation lists: what stands in them and what must not. */
import { verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSerialNumber } from '../../core/ids.ts';
import { buildCrl, type RevokedEntry } from '../../core/pki/crl.ts';
import { CrlEntries, type EntryReason } from '../../core/pki/crl-entries.ts';
import { encode, enumerated, sequence, time } from '../../core/pki/der.ts';
import {
  contextTag,
  explicitContent,
  Fields,
  readOctetsOfBitString,
  tags,
} from '../../core/pki/der-fields.ts';
import { type DerElement, decodeDer } from '../../core/pki/der-reader.ts';
import { extension } from '../../core/pki/extensions.ts';
import { oids } from '../../core/pki/oids.ts';
import { type RevocationReason, revocationReasons } from '../../core/pki/revocation-reason.ts';
import { randomSerialNumber, serialNumberInteger } from '../../core/pki/serial-number.ts';
import { verifySignature } from '../../core/pki/signature-algorithm.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import { certificateFields, extensionsOf } from './certificate-fields.ts';
import { createAuthority, DAY, generateKeyPairs, issueDevice, SECOND, STATUS_URL } from './test-authority.ts';

const now = Date.UTC(2026, 4, 1, 12);
const keys = generateKeyPairs();
const { issuing } = await createAuthority({ now, issuingKeys: keys['ec-p256'] });
const distributionPoint = statusUrls(STATUS_URL, issuing.certificate.fingerprint).crl;
const content = { issuer: issuing, number: 300n, thisUpdate: now, nextUpdate: now + DAY, distributionPoint };

interface CrlFields {
  readonly toBeSigned: DerElement;
  readonly signature: Uint8Array;
  readonly issuer: Uint8Array;
  readonly times: readonly string[];
  /** Hex of each entry; undefined where the list is absent. */
  readonly entries: readonly string[] | undefined;
  readonly extensions: ReadonlyMap<string, string>;
}

function crlFields(der: Uint8Array): CrlFields {
  const crl = new Fields(decodeDer(der, { maxBytes: 10_000_000, maxDepth: 16 }));
  const toBeSigned = crl.next(tags.sequence);
  crl.next(tags.sequence);
  const signature = readOctetsOfBitString(crl.next(tags.bitString));
  crl.end();
  const fields = new Fields(toBeSigned);
  expect(hex(fields.next(tags.integer).bytes)).toBe('020101');
  fields.next(tags.sequence);
  const issuer = fields.next(tags.sequence).bytes;
  const times = [1, 2].map(() =>
    Buffer.from(fields.next(tags.utcTime, tags.generalizedTime).content).toString('latin1'),
  );
  const entries = fields.optional(tags.sequence)?.children.map(({ bytes }) => hex(bytes));
  const extensions = extensionsOf(explicitContent(fields.next(contextTag(0))));
  fields.end();
  return { toBeSigned, signature, issuer, times, entries, extensions };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('a CRL', () => {
  it('says whose it is, from when to when, and which number it has', async () => {
    const fields = crlFields(await buildCrl({ ...content, revoked: [] }));
    expect(fields.issuer).toEqual(Buffer.from(issuing.certificate.subjectDer));
    expect(fields.times).toEqual(['260501120000Z', '260502120000Z']);
    expect(fields.extensions.get(oids.crlNumber)).toBe('0202012c');
    const identifier = hex(issuing.certificate.subjectKeyIdentifier);
    expect(fields.extensions.get(oids.authorityKeyIdentifier)).toBe(`30168014${identifier}`);
  });

  it('is signed by the issuer', async () => {
    const { toBeSigned, signature } = crlFields(await buildCrl({ ...content, revoked: [] }));
    expect(verify('sha256', toBeSigned.bytes, keys['ec-p256'].publicKey, signature)).toBe(true);
  });

  it('has no list where nothing is revoked (RFC 5280 §5.1.2.6)', async () => {
    expect(crlFields(await buildCrl({ ...content, revoked: [] })).entries).toBeUndefined();
  });

  it('names in its critical IDP the address that the certificates have in their CDP, byte for byte', async () => {
    const { extensions } = crlFields(await buildCrl({ ...content, revoked: [] }));
    const device = await issueDevice({ issuer: issuing, now, keys: keys['ec-p256'] });
    const certificate = certificateFields(device.der).extensions.get(oids.crlDistributionPoints) ?? '';
    const place = extensions.get(oids.issuingDistributionPoint) ?? '';
    expect(place).toMatch(/^critical /);
    const name = `86${(distributionPoint.length).toString(16)}${hex(Buffer.from(distributionPoint))}`;
    expect(certificate.endsWith(name)).toBe(true);
    expect(place.endsWith(name)).toBe(true);
  });

  it('has no IDP where no address is given, as for a root', async () => {
    const { issuer, number, thisUpdate, nextUpdate } = content;
    const { extensions } = crlFields(await buildCrl({ issuer, number, thisUpdate, nextUpdate, revoked: [] }));
    expect([...extensions.keys()]).toEqual([oids.authorityKeyIdentifier, oids.crlNumber]);
  });
});

describe('an entry', () => {
  const serialNumber = parseSerialNumber('4A0000000000000000000000000000FF');
  const revokedAt = now - 90 * SECOND;
  const entryFor = async (reason: RevocationReason, serial = serialNumber) =>
    crlFields(await buildCrl({ ...content, revoked: [{ serialNumber: serial, revokedAt, reason }] })).entries;
  const serialAndTime = '02104a0000000000000000000000000000ff170d3236303530313131353833305a';

  it('has no reason where it is unspecified (RFC 5280 §5.3.1)', async () => {
    expect(await entryFor('unspecified')).toEqual([`3021${serialAndTime}`]);
  });

  for (const [reason, number] of Object.entries(revocationReasons)) {
    if (number === 0) continue;
    it(`gives the reason ${reason} by its number, ${number}`, async () => {
      const extension = `300c300a0603551d1504030a010${number}`;
      expect(await entryFor(reason as RevocationReason)).toEqual([`302f${serialAndTime}${extension}`]);
    });
  }

  it('writes a serial number with its top bit set as the positive number it is', async () => {
    const [entry] = (await entryFor('unspecified', parseSerialNumber('FF01'))) ?? [];
    expect(entry).toMatch(/^3014020300ff01/);
  });
});

describe('entries of any kind', () => {
  const reasons = [...Object.keys(revocationReasons), 'removeFromCRL'] as EntryReason[];
  const serials = fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .filter(([first]) => first !== 0)
    .map((octets) => parseSerialNumber(Buffer.from(octets).toString('hex')));
  const entries = fc.array(
    fc.record({
      serialNumber: serials,
      revokedAt: fc.oneof(fc.nat(4_000_000_000_000), fc.constant(now)),
      reason: fc.constantFrom(...reasons),
    }),
  );

  /** As RFC 5280 §5.1 has it, element by element. */
  const encodedPlainly = ({ serialNumber, revokedAt, reason }: RevokedEntry): Uint8Array => {
    const number = { ...revocationReasons, removeFromCRL: 8 }[reason];
    return encode(
      sequence(
        serialNumberInteger(serialNumber),
        time(revokedAt),
        ...(number === 0 ? [] : [sequence(extension(oids.reasonCode, enumerated(number)))]),
      ),
    );
  };

  it('are what the ASN.1 says, byte for byte', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const written = new CrlEntries();
        for (const entry of list) written.add(entry);
        expect(written.count).toBe(list.length);
        expect(hex(written.bytes)).toBe(hex(Buffer.concat(list.map(encodedPlainly))));
      }),
    );
  });

  it('are none of a reason that there is not', () => {
    const entry = { serialNumber: parseSerialNumber('01'), revokedAt: now, reason: 'bored' as EntryReason };
    expect(() => new CrlEntries().add(entry)).toThrow('is no reason of RFC 5280');
  });
});

describe('a delta', () => {
  it('says so, critically, and to what it adds; a full list says where it is', async () => {
    const delta = crlFields(await buildCrl({ ...content, revoked: [], base: 299n }));
    expect(delta.extensions.get(oids.deltaCrlIndicator)).toBe('critical 0202012b');
    const url = 'http://x/delta.crl';
    const full = crlFields(await buildCrl({ ...content, revoked: [], freshest: url }));
    expect(full.extensions.get(oids.freshestCrl)?.endsWith(hex(Buffer.from(url)))).toBe(true);
    expect(full.extensions.has(oids.deltaCrlIndicator)).toBe(false);
  });
});

describe('a signature over megabytes', () => {
  it.each(['ec-p256', 'ec-p384', 'ed25519', 'rsa'] as const)('by %s is as good as any', async (kind) => {
    const { privateKey, publicKey } = keys[kind];
    const signer = createKeySigner(privateKey);
    const data = Buffer.alloc(3_000_000, 'x');
    const signature = await signer.sign(data);
    expect(verifySignature(signer.algorithm, publicKey, data, signature)).toBe(true);
    data[2_000_000] = 0;
    expect(verifySignature(signer.algorithm, publicKey, data, signature)).toBe(false);
  });
});

describe('a CRL of 100,000 entries', () => {
  it('holds each of them', async () => {
    const revoked: RevokedEntry[] = Array.from({ length: 100_000 }, () => ({
      serialNumber: randomSerialNumber(),
      revokedAt: now,
      reason: 'superseded',
    }));
    const der = Buffer.from(await buildCrl({ ...content, revoked }));
    expect(der.length).toBeGreaterThan(4_900_000);
    for (const { serialNumber } of [revoked[0], revoked[50_000], revoked.at(-1)].flatMap(
      (entry) => entry ?? [],
    )) {
      expect(der.includes(Buffer.from(serialNumber, 'hex'))).toBe(true);
    }
  });
});
