/** CSRs that are accepted, and what is taken from them; CSRs that are refused for what they say. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import asn1 from 'node-forge/lib/asn1.js';
import { decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import { type Asn1, nullValue, objectIdentifier, sequence, setOf, utf8String } from '../../core/pki/der.ts';
import { oids } from '../../core/pki/oids.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { keyKinds, publicKeyOf } from '../../core/pki/public-key.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './command.ts';
import { refusalOf } from './refusal.ts';
import { algorithmOf, buildRequest, commonNameAttribute, nameOf } from './request-builder.ts';
import { generateKeyPairs } from './test-authority.ts';

const { Class, Type } = asn1;
const keys = generateKeyPairs();
const { privateKey } = keys['ec-p256'];

const TELETEX_STRING: number = 20;
function text(type: number, content: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, content);
}

describe('a request with a strong key and a good signature', () => {
  for (const kind of keyKinds) {
    it(`is accepted with a key of kind ${kind}`, () => {
      const request = parseCsr(buildRequest({ privateKey: keys[kind].privateKey }));
      expect(request.commonName).toBe('press-7');
      expect(request.publicKey.kind).toBe(kind);
      expect(request.publicKey.keyFingerprint).toBe(publicKeyOf(keys[kind].publicKey).keyFingerprint);
      expect(request.publicKey.keyObject.equals(keys[kind].publicKey)).toBe(true);
    });
  }

  const signatures = [
    ['ec-p256', 'sha256', oids.ecdsaWithSha256],
    ['ec-p256', 'sha384', oids.ecdsaWithSha384],
    ['ec-p256', 'sha512', oids.ecdsaWithSha512],
    ['ec-p384', 'sha384', oids.ecdsaWithSha384],
    ['rsa', 'sha384', oids.sha384WithRsaEncryption],
    ['rsa', 'sha512', oids.sha512WithRsaEncryption],
  ] as const;
  for (const [kind, digest, oid] of signatures) {
    it(`is accepted when ${kind} signs with ${digest}`, () => {
      const algorithm = algorithmOf(oid, ...(kind === 'rsa' ? [nullValue()] : []));
      expect(
        parseCsr(buildRequest({ privateKey: keys[kind].privateKey, digest, algorithm })).publicKey.kind,
      ).toBe(kind);
    });
  }

  it('is accepted where RSA leaves the NULL parameters out (RFC 4055 §5)', () => {
    const algorithm = algorithmOf(oids.sha256WithRsaEncryption);
    expect(
      refusalOf(() => parseCsr(buildRequest({ privateKey: keys.rsa.privateKey, algorithm }))),
    ).toBeNull();
  });

  it('is accepted without the attributes field, as older encoders write it', () => {
    expect(refusalOf(() => parseCsr(buildRequest({ privateKey, attributes: null })))).toBeNull();
  });
});

describeWith(['openssl'], 'requests made by openssl', () => {
  const folder = temporaryFolder();
  const algorithms = {
    'ec-p256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    'ec-p384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-sha384'],
    ed25519: ['-newkey', 'ed25519'],
    rsa: ['-newkey', 'rsa:2048'],
  } as const;
  for (const kind of keyKinds) {
    it(`are accepted with a key of kind ${kind}, explanations before the PEM included`, () => {
      const options = ['-nodes', '-keyout', `${kind}.key`, '-out', `${kind}.csr`, '-text'];
      const subject = ['-subj', '/C=DE/O=Example/CN=press:7', '-addext', 'basicConstraints=critical,CA:TRUE'];
      expect(run(folder, 'openssl', 'req', '-new', ...algorithms[kind], ...options, ...subject).status).toBe(
        0,
      );
      const request = parseCsr(decodeCsr(readFileSync(join(folder, `${kind}.csr`), 'utf8')));
      expect(request.commonName).toBe('press:7');
      expect(request.publicKey.kind).toBe(kind);
    });
  }
});

describe('the CN of a request', () => {
  const commonNameOf = (subject: Asn1) => parseCsr(buildRequest({ privateKey, subject })).commonName;

  it('is null where the subject is empty or holds other attributes alone', () => {
    expect(commonNameOf(sequence())).toBeNull();
    const organization = sequence(objectIdentifier(oids.organizationName), utf8String('Example'));
    expect(commonNameOf(sequence(setOf(organization)))).toBeNull();
  });

  it('is read as UTF8String, PrintableString and IA5String', () => {
    expect(commonNameOf(nameOf(text(Type.UTF8, 'dev_1')))).toBe('dev_1');
    expect(commonNameOf(nameOf(text(Type.PRINTABLESTRING, 'dev-1')))).toBe('dev-1');
    expect(commonNameOf(nameOf(text(Type.IA5STRING, 'dev_1')))).toBe('dev_1');
  });

  it('is given as it stands, for the device ID to be parsed from', () => {
    expect(commonNameOf(nameOf('../gate+#\u0000'))).toBe('../gate+#\u0000');
  });

  it('is refused where there are two, in RDNs of their own', () => {
    expect(refusalOf(() => commonNameOf(nameOf('press-7', 'press-8')))).toBe('cn_invalid');
    expect(refusalOf(() => commonNameOf(nameOf('press-7', 'press-7')))).toBe('cn_invalid');
  });

  it('is refused where there are two in one RDN', () => {
    const attributes = [commonNameAttribute('press-7'), commonNameAttribute('press-8')];
    const subject = sequence(asn1.create(Class.UNIVERSAL, Type.SET, true, attributes));
    expect(refusalOf(() => commonNameOf(subject))).toBe('cn_invalid');
  });

  it('is refused as BMPString, TeletexString, or with characters outside its type', () => {
    expect(refusalOf(() => commonNameOf(nameOf(text(Type.BMPSTRING, 'press-7'))))).toBe('cn_invalid');
    expect(refusalOf(() => commonNameOf(nameOf(text(TELETEX_STRING, 'press-7'))))).toBe('cn_invalid');
    expect(refusalOf(() => commonNameOf(nameOf(text(Type.PRINTABLESTRING, 'press_7'))))).toBe('cn_invalid');
    expect(refusalOf(() => commonNameOf(nameOf(text(Type.IA5STRING, 'pr\u00c3\u00a4ss'))))).toBe(
      'cn_invalid',
    );
    expect(refusalOf(() => commonNameOf(nameOf(text(Type.UTF8, 'press\u00ff'))))).toBe('cn_invalid');
  });
});

describe('proof of possession', () => {
  it('is refused where another key of the same kind signed', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    expect(refusalOf(() => parseCsr(buildRequest({ privateKey, spki })))).toBe('csr_signature_invalid');
  });

  for (const kind of keyKinds) {
    it(`is refused where the signature of ${kind} was changed`, () => {
      const der = Buffer.from(buildRequest({ privateKey: keys[kind].privateKey }));
      der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
      expect(refusalOf(() => parseCsr(der))).toBe('csr_signature_invalid');
    });
  }

  it('is refused where what was signed was changed', () => {
    const der = Buffer.from(buildRequest({ privateKey }));
    der.write('press-8', der.indexOf('press-7'));
    expect(refusalOf(() => parseCsr(der))).toBe('csr_signature_invalid');
  });

  it('is refused where the signature is empty or no signature at all', () => {
    for (const signature of [Buffer.alloc(0), Buffer.from('3006020100020100', 'hex'), Buffer.alloc(64)]) {
      expect(refusalOf(() => parseCsr(buildRequest({ privateKey, signature })))).toBe(
        'csr_signature_invalid',
      );
    }
  });
});

describe('the signature algorithm', () => {
  const rsa = keys.rsa.privateKey;
  const refused = [
    ['SHA-1 with ECDSA', { privateKey, digest: 'sha1', algorithm: algorithmOf('1.2.840.10045.4.1') }],
    ['SHA-224 with ECDSA', { privateKey, digest: 'sha224', algorithm: algorithmOf('1.2.840.10045.4.3.1') }],
    [
      'SHA-1 with RSA',
      { privateKey: rsa, digest: 'sha1', algorithm: algorithmOf('1.2.840.113549.1.1.5', nullValue()) },
    ],
    [
      'MD5 with RSA',
      { privateKey: rsa, digest: 'md5', algorithm: algorithmOf('1.2.840.113549.1.1.4', nullValue()) },
    ],
    ['RSASSA-PSS', { privateKey: rsa, algorithm: algorithmOf('1.2.840.113549.1.1.10', sequence()) }],
    ['ECDSA with parameters', { privateKey, algorithm: algorithmOf(oids.ecdsaWithSha256, nullValue()) }],
    [
      'RSA with other parameters',
      { privateKey: rsa, algorithm: algorithmOf(oids.sha256WithRsaEncryption, sequence()) },
    ],
    [
      'RSA with more than its parameters',
      { privateKey: rsa, algorithm: algorithmOf(oids.sha256WithRsaEncryption, nullValue(), nullValue()) },
    ],
    [
      'that of RSA for an EC key',
      { privateKey, algorithm: algorithmOf(oids.sha256WithRsaEncryption, nullValue()) },
    ],
    ['that of ECDSA for an RSA key', { privateKey: rsa, algorithm: algorithmOf(oids.ecdsaWithSha256) }],
    ['that of Ed25519 for an EC key', { privateKey, algorithm: algorithmOf(oids.ed25519) }],
  ] as const;
  for (const [name, parts] of refused) {
    it(`is refused: ${name}`, () => {
      expect(refusalOf(() => parseCsr(buildRequest(parts)))).toBe('csr_signature_algorithm_unsupported');
    });
  }
});

describe('the PEM of a request', () => {
  const der = buildRequest({ privateKey });
  const pem = encodePem('CERTIFICATE REQUEST', der);

  it('is decoded with either label, CRLF line ends, and explanations before it', () => {
    for (const form of [
      pem,
      encodePem('NEW CERTIFICATE REQUEST', der),
      pem.replaceAll('\n', '\r\n'),
      `A\n\n${pem}`,
    ]) {
      expect(Buffer.from(der).equals(decodeCsr(form))).toBe(true);
    }
  });

  it('is refused where there is no request', () => {
    for (const form of ['', 'hello', encodePem('CERTIFICATE', der), pem.replace('-----END', '-----ENDE')]) {
      expect(refusalOf(() => decodeCsr(form))).toBe('csr_not_pem');
    }
    expect(refusalOf(() => decodeCsr(`${'A'.repeat(40_000)}\n${pem}`))).toBe('csr_not_pem');
  });

  it('is refused where the base64 has foreign characters, lost ones, or wrong padding', () => {
    const line = pem.split('\n')[1] ?? '';
    for (const broken of [line.replace(/.$/, '*'), line.slice(1), `${line}=`, `-${line}`]) {
      expect(refusalOf(() => decodeCsr(pem.replace(line, broken)))).toBe('csr_base64_invalid');
    }
  });

  it('is refused where text or a second request follows', () => {
    expect(refusalOf(() => decodeCsr(`${pem}x`))).toBe('csr_trailing_data');
    expect(refusalOf(() => decodeCsr(pem + pem))).toBe('csr_trailing_data');
  });
});

describe('the version of a request', () => {
  it('is 1, written 0 (RFC 2986 §4.1); others are refused', () => {
    expect(refusalOf(() => parseCsr(buildRequest({ privateKey, version: 1 })))).toBe('csr_malformed');
  });
});
