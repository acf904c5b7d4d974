/** The DER that Gatehouse writes, against the examples and rules of X.690, and what it reads of others'. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Asn1,
  bitString,
  encode,
  encoded,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  time,
  unsignedInteger,
} from '../../core/pki/der.ts';
import {
  explicitContent,
  Fields,
  readBoolean,
  readObjectIdentifier,
  readOctetsOfBitString,
  readTime,
  readUnsignedInteger,
  tags,
} from '../../core/pki/der-fields.ts';
import { DerError, decodeDer } from '../../core/pki/der-reader.ts';
import { oids } from '../../core/pki/oids.ts';
import { decodeBase64, decodePem, encodePem } from '../../core/pki/pem.ts';
import { randomSerialNumber, readSerialNumber, serialNumberInteger } from '../../core/pki/serial-number.ts';
import { refusalOf } from './refusal.ts';

const LIMITS = { maxBytes: 100_000, maxDepth: 8 };
const hexOf = (element: Asn1) => Buffer.from(encode(element)).toString('hex');
const read = (hex: string) => decodeDer(Buffer.from(hex, 'hex'), LIMITS);

describe('what is written', () => {
  it('has the shortest length there is', () => {
    expect(hexOf(octetString(new Uint8Array(127)))).toMatch(/^047f/);
    expect(hexOf(octetString(new Uint8Array(128)))).toMatch(/^048180/);
    expect(hexOf(octetString(new Uint8Array(256)))).toMatch(/^04820100/);
    expect(hexOf(octetString(new Uint8Array(65_536)))).toMatch(/^0483010000/);
  });

  it('has integers in the fewest octets, never negative', () => {
    const examples = {
      '0': '020100',
      '127': '02017f',
      '128': '02020080',
      '256': '02020100',
      '65537': '0203010001',
    };
    for (const [value, hex] of Object.entries(examples)) {
      expect(hexOf(integer(BigInt(value)))).toBe(hex);
      expect(hexOf(integer(Number(value)))).toBe(hex);
    }
    expect(hexOf(unsignedInteger(Buffer.from('ff', 'hex')))).toBe('020200ff');
  });

  it('has object identifiers as in X.690 §8.19', () => {
    expect(hexOf(objectIdentifier('2.100.3'))).toBe('0603813403');
    expect(hexOf(objectIdentifier(oids.rsaEncryption))).toBe('06092a864886f70d010101');
  });

  it('has times as RFC 5280 §4.1.2.5 wants them', () => {
    const text = (element: Asn1) => Buffer.from(encode(element)).subarray(2).toString('latin1');
    expect(text(time(Date.UTC(1999, 11, 31, 23, 59, 59, 999)))).toBe('991231235959Z');
    expect(text(time(Date.UTC(2050, 0, 1)))).toBe('20500101000000Z');
    expect(text(generalizedTime(Date.UTC(2026, 1, 3, 4, 5, 6)))).toBe('20260203040506Z');
    expect(text(time(Date.UTC(9999, 11, 31, 23, 59, 59)))).toBe('99991231235959Z');
    for (const impossible of [Number.NaN, -1, Date.UTC(10_000, 0, 1)]) {
      expect(() => time(impossible)).toThrow(RangeError);
    }
  });

  it('takes DER that exists already over as it is', () => {
    const inner = sequence(integer(5), octetString(Buffer.alloc(200, 3)));
    for (const element of [inner, integer(5), octetString(Buffer.alloc(200))]) {
      expect(hexOf(sequence(encoded(encode(element))))).toBe(hexOf(sequence(element)));
    }
  });
});

describe('what is read', () => {
  it('is what was written', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 160n }),
        fc.uint8Array({ maxLength: 300 }),
        (number, octets) => {
          const der = encode(sequence(integer(number), octetString(octets), bitString(octets)));
          const fields = new Fields(decodeDer(der, LIMITS));
          expect(readUnsignedInteger(fields.next(tags.integer))).toBe(number);
          expect(Buffer.from(fields.next(tags.octetString).content)).toEqual(Buffer.from(octets));
          expect(Buffer.from(readOctetsOfBitString(fields.next(tags.bitString)))).toEqual(
            Buffer.from(octets),
          );
          fields.end();
        },
      ),
    );
  });

  it('is bounded in size and depth', () => {
    expect(() => decodeDer(Buffer.alloc(5), { maxBytes: 4, maxDepth: 8 })).toThrow(DerError);
    expect(() => decodeDer(Buffer.from('3002' + '3000', 'hex'), { maxBytes: 9, maxDepth: 1 })).toThrow(
      DerError,
    );
    expect(
      decodeDer(Buffer.from('3002' + '3000', 'hex'), { maxBytes: 9, maxDepth: 2 }).children,
    ).toHaveLength(1);
  });

  it('tells the time in both forms, and refuses every other', () => {
    const timeOf = (type: string, digits: string) =>
      readTime(
        read(`${type}${digits.length.toString(16).padStart(2, '0')}${Buffer.from(digits).toString('hex')}`),
      );
    expect(timeOf('17', '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
    expect(timeOf('17', '500101000000Z')).toBe(Date.UTC(1950, 0, 1));
    expect(timeOf('18', '20500101000000Z')).toBe(Date.UTC(2050, 0, 1));
    for (const digits of [
      '2601010000Z',
      '260101000000+0000',
      '260230000000Z',
      '260101240000Z',
      '260101000060Z',
      '',
    ]) {
      expect(() => timeOf('17', digits)).toThrow(DerError);
    }
    for (const digits of ['20500101000000', '20500101000000.5Z', '20501301000000Z', '500101000000Z']) {
      expect(() => timeOf('18', digits)).toThrow(DerError);
    }
  });

  it('is refused where a plain value has not its one form', () => {
    for (const hex of ['010101', '0100', '01020000']) expect(() => readBoolean(read(hex))).toThrow(DerError);
    for (const hex of ['0200', '020180', '0202ff7f'])
      expect(() => readUnsignedInteger(read(hex))).toThrow(DerError);
    for (const hex of ['0300', '030101', '03020780'])
      expect(() => readOctetsOfBitString(read(hex))).toThrow(DerError);
    for (const hex of ['a000', 'a00405000500']) expect(() => explicitContent(read(hex))).toThrow(DerError);
    for (const hex of ['0600', '06022a80', '06038001', '0603558004', '0602ff80']) {
      expect(() => readObjectIdentifier(read(hex))).toThrow(DerError);
    }
  });

  it('names an object identifier that is too large for numbers by its octets', () => {
    const uuid = '0614698286b2bccfa3f0e8a4d1c6e6d4a2b5c1b7f77f';
    expect(readObjectIdentifier(read(uuid))).toBe(`hex:${uuid.slice(4)}`);
  });
});

describe('a serial number', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        const serialNumber = randomSerialNumber(() => octets);
        const { content } = decodeDer(encode(serialNumberInteger(serialNumber)), LIMITS);
        expect(content).toHaveLength(16);
        expect(readSerialNumber(content)).toBe(serialNumber);
      }),
    );
  });

  it('is printed without the zero that keeps it positive, and never negative or beyond 20 octets', () => {
    expect(readSerialNumber(Buffer.from('00ff', 'hex'))).toBe('FF');
    expect(readSerialNumber(Buffer.from('00', 'hex'))).toBe('00');
    for (const octets of ['', '80', `01${'00'.repeat(20)}`]) {
      expect(readSerialNumber(Buffer.from(octets, 'hex'))).toBeUndefined();
    }
  });
});

describe('PEM', () => {
  it('comes back as it was written, in lines of 64 characters', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (der) => {
        const pem = encodePem('CERTIFICATE', der);
        expect(Buffer.from(decodePem('CERTIFICATE', pem))).toEqual(Buffer.from(der));
        expect(Math.max(...pem.split('\n').map((line) => line.length))).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('is refused with another label, text after it, or broken base64', () => {
    const pem = encodePem('CERTIFICATE', Buffer.from('hello'));
    for (const text of [
      pem.replaceAll('CERTIFICATE', 'PUBLIC KEY'),
      `${pem}more`,
      pem.replace('aGV', 'a*V'),
      '',
    ]) {
      expect(refusalOf(() => decodePem('CERTIFICATE', text))).toBe('pem_invalid');
    }
  });

  it('takes base64 only in the one form that encodes the bytes', () => {
    expect(decodeBase64('aGVs\r\n bG8=')).toEqual(Buffer.from('hello'));
    for (const text of ['aGVsbG8', 'aGVsbG9=', 'aGVsbG8=aGVs', 'aGVs-G8=', '=']) {
      expect(decodeBase64(text)).toBeUndefined();
    }
  });
});
