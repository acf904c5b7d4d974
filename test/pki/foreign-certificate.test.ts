/** Certificates of others, read: what is taken from them, and that no bytes get past the parser but a certificate's. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatehouseError } from '../../core/errors.ts';
import { parseFactoryCertificate, parseForeignCa } from '../../core/pki/foreign-certificate.ts';
import {
  dnsName,
  makeDevice,
  makeIntermediate,
  makeRoot,
  NO_EXPIRY,
  newKey,
  uriName,
} from '../support/factory.ts';

const root = await makeRoot('Acme Root');
const device = await makeDevice(
  root,
  { cn: 'Model 7', serialNumber: '42', o: 'Acme' },
  { san: [dnsName('a.example'), uriName('urn:a'), dnsName('b.example')], notAfter: NO_EXPIRY },
);

describe('a factory certificate', () => {
  it('gives its names, its key and its end', () => {
    const parsed = parseFactoryCertificate(device.certificate.der);
    expect(parsed).toMatchObject({
      fingerprint: device.certificate.fingerprint,
      subject: 'CN=Model 7, serialNumber=42, O=Acme',
      notAfter: NO_EXPIRY,
      names: {
        cn: ['Model 7'],
        serialNumber: ['42'],
        dns: ['a.example', 'b.example'],
        uri: ['urn:a'],
      },
    });
    expect(parsed.publicKey.keyFingerprint).toBe(device.certificate.keyFingerprint);
  });

  it('without a subjectAltName has no such names', async () => {
    const plain = await makeDevice(root, { cn: 'plain' });
    expect(parseFactoryCertificate(plain.certificate.der).names).toMatchObject({ dns: [], uri: [] });
  });

  it('has names of text that is none as null', async () => {
    const odd = await makeDevice(root, { cn: 'odd' }, { san: [dnsName('\xff\xfe')] });
    expect(parseFactoryCertificate(odd.certificate.der).names.dns).toEqual([null]);
  });

  it('of a CA is none', () => {
    expect(() => parseFactoryCertificate(root.certificate.der)).toThrow(
      expect.objectContaining({ code: 'factory_certificate_untrusted' }),
    );
  });
});

describe('a CA certificate', () => {
  it('is told apart by name, whatever its case and spacing, and key identifier', async () => {
    const other = await makeRoot('ACME   root', { privateKey: newKey() });
    const [one, two] = [parseForeignCa(root.certificate.der), parseForeignCa(other.certificate.der)];
    expect(two.comparedName).toBe(one.comparedName);
    expect(two.keyIdentifier).not.toBe(one.keyIdentifier);
    const plain = await makeRoot('Acme Root', { identifiers: false });
    expect(parseForeignCa(plain.certificate.der).keyIdentifier).toBeNull();
  });

  it.each(['device', 'intermediate without the right'])('of a %s is refused', async (which) => {
    const { certificate } =
      which === 'device' ? device : await makeIntermediate('Mute', root, { usages: ['digitalSignature'] });
    expect(() => parseForeignCa(certificate.der)).toThrow(
      expect.objectContaining({ code: 'certificate_malformed' }),
    );
  });
});

describe.each([
  ['parseForeignCa', parseForeignCa, root.certificate.der],
  ['parseFactoryCertificate', parseFactoryCertificate, device.certificate.der],
] as const)('%s', (_name, parse, der) => {
  const refusesWell = (bytes: Uint8Array) => {
    try {
      parse(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(GatehouseError);
    }
  };

  it('refuses any bytes with a code', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), refusesWell));
  });

  it('refuses, or reads, a certificate with any byte changed or cut off', () => {
    const changed = fc.record({ at: fc.nat(der.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(changed, ({ at, to }) => {
        const copy = Uint8Array.from(der);
        copy[at] = to;
        refusesWell(copy);
        expect(() => parse(der.subarray(0, at))).toThrow(GatehouseError);
      }),
    );
  });
});
