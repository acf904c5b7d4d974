/**
 * Certificates that other CAs issued: those of manufacturers' CAs, and the factory certificates (IEEE 802.1AR) of
 * devices. They are read strictly; the validation of paths is OpenSSL's, which also understands what is only let pass here.
 */
import { X509Certificate } from 'node:crypto';
import type { FactoryNames } from '../enrollment/factory-rule.ts';
import type { Fingerprint } from '../ids.ts';
import { Fields, readBoolean, tags } from './der-fields.ts';
import { type DerElement, DerError, decodeDer, refuseMalformed } from './der-reader.ts';
import { fingerprintOf } from './fingerprint.ts';
import { nameText, readAttributeTexts } from './name.ts';
import { oids } from './oids.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { CERTIFICATE_LIMITS, readTbsCertificate, type TbsCertificate } from './tbs-certificate.ts';

/** Times are milliseconds since the epoch. */
export interface ForeignCertificate {
  readonly fingerprint: Fingerprint;
  /** For people. */
  readonly subject: string;
  readonly publicKey: PublicKey;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface ForeignCa extends ForeignCertificate {
  readonly der: Uint8Array;
  /** What OpenSSL looks for issuers by: the name, whatever its case and spacing, and the subject key identifier. */
  readonly comparedName: string;
  /** Hex; null where it has none. */
  readonly keyIdentifier: string | null;
  readonly certificate: X509Certificate;
}

export interface FactoryCertificate extends ForeignCertificate {
  readonly names: FactoryNames;
}

/** Those that OpenSSL processes on a path; another critical one makes it refuse the path (RFC 5280 §4.2). */
const PROCESSED_BY_OPENSSL = [
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.subjectAltName,
  oids.nameConstraints,
  oids.certificatePolicies,
  oids.policyMappings,
  oids.policyConstraints,
  oids.inhibitAnyPolicy,
];
/** GeneralName (RFC 5280 §4.2.1.6): IMPLICIT IA5String */
const DNS_NAME = 0x82;
const URI = 0x86;

/**
 * A CA certificate: CA=TRUE, and keyCertSign where it has a keyUsage (RFC 5280 §4.2.1.3, §4.2.1.9).
 * @throws GatehouseError `certificate_malformed`, `key_unsupported`, `key_weak`
 */
export function parseForeignCa(der: Uint8Array): ForeignCa {
  return refuseMalformed('certificate_malformed', () => {
    const fields = readTbsCertificate(der, PROCESSED_BY_OPENSSL);
    const certificate = readByOpenssl(der);
    if (!certificate.ca) throw new DerError('not a CA that may sign certificates');
    const subject = nameText(fields.subject);
    return {
      ...common(der, fields),
      der: Uint8Array.from(der),
      comparedName: subject.toLowerCase().replace(/\s+/g, ' '),
      keyIdentifier: readKeyIdentifier(fields),
      certificate,
    };
  });
}

/**
 * The certificate that a device left its factory with. One of a CA is none: whoever has a CA's key is no device.
 * @throws GatehouseError `factory_certificate_untrusted`, `key_unsupported`, `key_weak`
 */
export function parseFactoryCertificate(der: Uint8Array): FactoryCertificate {
  return refuseMalformed('factory_certificate_untrusted', () => {
    const fields = readTbsCertificate(der, PROCESSED_BY_OPENSSL);
    if (claimsToBeCa(fields)) throw new DerError('the certificate of a CA is not that of a device');
    const { subject } = fields;
    const alternatives = readAlternativeNames(fields);
    return {
      ...common(der, fields),
      names: {
        cn: readAttributeTexts(subject, oids.commonName),
        serialNumber: readAttributeTexts(subject, oids.serialNumberAttribute),
        dns: textsOf(alternatives, DNS_NAME),
        uri: textsOf(alternatives, URI),
      },
    };
  });
}

function common(der: Uint8Array, { subject, publicKey, notBefore, notAfter }: TbsCertificate) {
  return {
    fingerprint: fingerprintOf(der),
    subject: nameText(subject),
    publicKey: readPublicKey(publicKey),
    notBefore,
    notAfter,
  };
}

function readByOpenssl(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw new DerError('OpenSSL does not read it', { cause: error });
  }
}

function claimsToBeCa({ extensions }: TbsCertificate): boolean {
  const value = extensions.get(oids.basicConstraints);
  if (value === undefined) return false;
  const isCa = new Fields(decodeDer(value, CERTIFICATE_LIMITS)).optional(tags.boolean);
  return isCa !== undefined && readBoolean(isCa);
}

function readKeyIdentifier({ extensions }: TbsCertificate): string | null {
  const value = extensions.get(oids.subjectKeyIdentifier);
  return value === undefined ? null : Buffer.from(value).toString('hex');
}

function readAlternativeNames({ extensions }: TbsCertificate): readonly DerElement[] {
  const value = extensions.get(oids.subjectAltName);
  if (value === undefined) return [];
  const names = decodeDer(value, CERTIFICATE_LIMITS);
  if (names.tag !== tags.sequence) throw new DerError('a subjectAltName that is not a list');
  return names.children;
}

function textsOf(names: readonly DerElement[], tag: number): (string | null)[] {
  return names
    .filter((name) => name.tag === tag)
    .map(({ content }) =>
      content.every((octet) => octet < 0x80) ? Buffer.from(content).toString('latin1') : null,
    );
}
