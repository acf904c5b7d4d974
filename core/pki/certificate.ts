/** CA certificates, read (RFC 5280 §4.1): our own root and issuing CA as the registry and the disk give them back. */
import type { Fingerprint, SerialNumber } from '../ids.ts';
import { expectTag, Fields, readBoolean, tags } from './der-fields.ts';
import { type DerElement, DerError, decodeDer, refuseMalformed } from './der-reader.ts';
import { fingerprintOf } from './fingerprint.ts';
import { nameText } from './name.ts';
import { oids } from './oids.ts';
import { encodePem } from './pem.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { readSerialNumber } from './serial-number.ts';
import { CERTIFICATE_LIMITS, readTbsCertificate, type TbsCertificate } from './tbs-certificate.ts';

/** Times are milliseconds since the epoch. */
export interface CaCertificate {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly fingerprint: Fingerprint;
  readonly serialNumber: SerialNumber;
  /** For people. */
  readonly subject: string;
  /** The name as it must stand in what this CA issues, byte for byte. */
  readonly subjectDer: Uint8Array;
  readonly publicKey: PublicKey;
  readonly subjectKeyIdentifier: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Bit 5 of KeyUsage. */
const KEY_CERT_SIGN = 0x04;
const RECOGNIZED = [oids.basicConstraints, oids.keyUsage];

/**
 * Neither the signature nor the time is checked: whoever trusts a certificate does that.
 * @throws GatehouseError `certificate_malformed`, `key_unsupported`, `key_weak`
 */
export function parseCaCertificate(der: Uint8Array): CaCertificate {
  return refuseMalformed('certificate_malformed', () => {
    const toBeSigned = readTbsCertificate(der, RECOGNIZED);
    const copy = Uint8Array.from(der);
    return {
      der: copy,
      pem: encodePem('CERTIFICATE', copy),
      fingerprint: fingerprintOf(copy),
      ...readCaFields(toBeSigned),
    };
  });
}

function readCaFields(toBeSigned: TbsCertificate) {
  const serialNumber = readSerialNumber(toBeSigned.serialNumber.content);
  if (serialNumber === undefined) throw new DerError('not a serial number of a certificate');
  const { subject, publicKey, extensions, notBefore, notAfter } = toBeSigned;
  requireCa(extensions);
  return {
    serialNumber,
    subject: nameText(subject),
    subjectDer: Uint8Array.from(subject.bytes),
    publicKey: readPublicKey(publicKey),
    subjectKeyIdentifier: readSubjectKeyIdentifier(extensions),
    notBefore,
    notAfter,
  };
}

/** §4.2.1.9, and §4.2.1.3: a CA without keyCertSign may not sign certificates. */
function requireCa(extensions: ReadonlyMap<string, Uint8Array>): void {
  const isCa = new Fields(extensionValue(extensions, oids.basicConstraints)).optional(tags.boolean);
  if (isCa === undefined || !readBoolean(isCa)) throw new DerError('not the certificate of a CA');
  const usage = extensionValue(extensions, oids.keyUsage);
  expectTag(usage, tags.bitString);
  if (((usage.content[1] ?? 0) & KEY_CERT_SIGN) === 0)
    throw new DerError('not a CA that may sign certificates');
}

function readSubjectKeyIdentifier(extensions: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const identifier = extensionValue(extensions, oids.subjectKeyIdentifier);
  expectTag(identifier, tags.octetString);
  return Uint8Array.from(identifier.content);
}

function extensionValue(extensions: ReadonlyMap<string, Uint8Array>, oid: string): DerElement {
  const value = extensions.get(oid);
  if (value === undefined) throw new DerError(`the extension ${oid} is missing`);
  return decodeDer(value, CERTIFICATE_LIMITS);
}
