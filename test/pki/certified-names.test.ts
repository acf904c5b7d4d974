/** Whether a request asks for the names of a certificate: the very same ones, in whatever type of string. */
import { describe, expect, it } from '@jest/globals';
import { nameDifference, readCertifiedNames } from '../../core/pki/certified-names.ts';
import { parseCsr } from '../../core/pki/csr.ts';
import {
  type Asn1,
  encode,
  encoded,
  implicit,
  implicitPrimitive,
  objectIdentifier,
  octetString,
  printableString,
  sequence,
  setOf,
  utf8String,
} from '../../core/pki/der.ts';
import { dnsName, uri } from '../../core/pki/general-name.ts';
import { issueDeviceCertificate } from '../../core/pki/issue.ts';
import { oids } from '../../core/pki/oids.ts';
import { parseProfile } from '../../core/pki/profile.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { refusalOf } from './refusal.ts';
import { buildRequest, nameOf } from './request-builder.ts';
import { createAuthority, deviceNamed, generateKeyPair, STATUS_URL } from './test-authority.ts';

const now = Date.UTC(2026, 4, 1);
const { issuing } = await createAuthority({ now });
const { privateKey, publicKey } = generateKeyPair('ec-p256');

async function certified(fields: object) {
  const { der } = await issueDeviceCertificate({
    issuer: issuing,
    profile: parseProfile({ name: 'gateway', validity: '1d', ...fields }),
    device: deviceNamed('press-7'),
    publicKey: publicKeyOf(publicKey),
    now,
    statusUrl: STATUS_URL,
    reservedHostnames: [],
  });
  return readCertifiedNames(der);
}
const plain = await certified({});
const named = await certified({
  subject: { organization: 'Example', serialNumber: '7' },
  subjectAltNames: { uri: ['urn:example:{id}'], dns: ['{id}.example'] },
});

const attribute = (oid: string, value: Asn1) => sequence(objectIdentifier(oid), value);
const rdn = (oid: string, value: Asn1) => setOf(attribute(oid, value));
const o = rdn(oids.organizationName, utf8String('Example'));
const serial = rdn(oids.serialNumberAttribute, printableString('7'));
const cn = rdn(oids.commonName, utf8String('press-7'));
const names = [uri('urn:example:press-7'), dnsName('press-7.example')];

/** @param names of the subjectAltName, or what stands in its place; none where absent */
function difference(
  subject: Asn1,
  names: readonly Asn1[] | Uint8Array | undefined,
  certificate = named,
): string | null {
  const value = names instanceof Uint8Array ? names : encode(sequence(...(names ?? [])));
  const extension = sequence(objectIdentifier(oids.subjectAltName), octetString(value));
  const request = attribute(oids.extensionRequest, setOf(sequence(extension)));
  const attributes = implicit(0, ...(names === undefined ? [] : [request]));
  return nameDifference(parseCsr(buildRequest({ privateKey, subject, attributes })), certificate);
}

describe('a certificate', () => {
  it('is read for its names', () => {
    expect(named).toMatchObject({
      subject: 'O=Example, serialNumber=7, CN=press-7',
      subjectAltNames: ['URI:urn:example:press-7', 'DNS:press-7.example'],
    });
    expect(plain).toMatchObject({ subject: 'CN=press-7', subjectAltNames: null });
  });

  it('that is none is refused', () => {
    for (const der of [new Uint8Array(), Buffer.from('3000', 'hex'), encode(sequence(sequence()))]) {
      expect(refusalOf(() => readCertifiedNames(der))).toBe('certificate_malformed');
    }
  });
});

describe('a request asks for the same', () => {
  it('with the same names, the alternative ones in any order', () => {
    expect(difference(sequence(o, serial, cn), names)).toBeNull();
    expect(difference(sequence(o, serial, cn), [...names].reverse())).toBeNull();
    expect(difference(nameOf('press-7'), undefined, plain)).toBeNull();
  });

  it('with its strings in another type', () => {
    const other = sequence(
      rdn(oids.organizationName, printableString('Example')),
      rdn(oids.serialNumberAttribute, utf8String('7')),
      rdn(oids.commonName, printableString('press-7')),
    );
    expect(difference(other, names)).toBeNull();
  });
});

describe('a request asks for something else', () => {
  const bmp = encoded(Buffer.from('1e0e004500780061006d0070006c0065', 'hex'));
  const subjects: Readonly<Record<string, Asn1>> = {
    'with its CN alone': nameOf('press-7'),
    'with another value': sequence(rdn(oids.organizationName, utf8String('example')), serial, cn),
    'with another order': sequence(serial, o, cn),
    'with one attribute too many': sequence(o, serial, rdn(oids.organizationalUnitName, utf8String('x')), cn),
    'with one attribute twice': sequence(o, o, serial, cn),
    'with one attribute too few': sequence(o, cn),
    'with another kind of attribute': sequence(rdn(oids.localityName, utf8String('Example')), serial, cn),
    'with text that reads like the rest of the name': sequence(
      rdn(oids.organizationName, utf8String('Example, serialNumber=7')),
      cn,
    ),
    'with a type of string that is not read': sequence(rdn(oids.organizationName, bmp), serial, cn),
    'with both attributes in one RDN': sequence(
      encoded(
        Buffer.concat([
          Buffer.of(0x31, 0x1a),
          encode(attribute(oids.serialNumberAttribute, printableString('7'))),
          encode(attribute(oids.organizationName, printableString('Example'))),
        ]),
      ),
      cn,
    ),
    'with no name': sequence(),
  };
  for (const [what, subject] of Object.entries(subjects)) {
    it(`${what} in its subject`, () => {
      expect(difference(subject, names)).toMatch(/^the request is for "/);
    });
  }

  const alternatives: Readonly<Record<string, readonly Asn1[] | undefined>> = {
    none: undefined,
    'no names': [],
    'one name': names.slice(0, 1),
    'one name too many': [...names, dnsName('press-8.example')],
    'the same text as another type': [uri('urn:example:press-7'), uri('press-7.example')],
    'an address beside': [...names, implicitPrimitive(7, Buffer.of(10, 0, 0, 1))],
    'an otherName beside': [...names, implicit(0, objectIdentifier('1.2.3'), utf8String('x'))],
  };
  for (const [what, asked] of Object.entries(alternatives)) {
    it(`with ${what} in its subjectAltName`, () => {
      expect(difference(sequence(o, serial, cn), asked)).toMatch(/^the request has .*, the certificate has /);
    });
  }

  it('with any subjectAltName where the certificate has none', () => {
    for (const asked of [[], names]) {
      expect(difference(nameOf('press-7'), asked, plain)).toMatch(/the certificate has no subjectAltName$/);
    }
  });

  it('with a subjectAltName that is none, which is refused', () => {
    const broken = ['', '0500', '3004820161', '0c0161', '30038201ff'];
    for (const hex of broken) {
      const value = Buffer.from(hex, 'hex');
      expect(refusalOf(() => difference(sequence(o, serial, cn), value))).toBe('csr_malformed');
    }
  });
});
