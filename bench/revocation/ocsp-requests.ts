/** OCSP requests as a client makes them (RFC 6960 §4.1.1): about one certificate, SHA-1, with a nonce or without. */
import { hash, randomBytes } from 'node:crypto';
import type { SerialNumber } from '../../core/ids.ts';
import type { CaCertificate } from '../../core/pki/certificate.ts';
import {
  encode,
  encoded,
  explicit,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
} from '../../core/pki/der.ts';
import { extension } from '../../core/pki/extensions.ts';
import { oids } from '../../core/pki/oids.ts';
import { serialNumberInteger } from '../../core/pki/serial-number.ts';

/** RFC 9654 §2.1 recommends 32. */
const NONCE_OCTETS = 32;

export interface AskedCertificate {
  readonly issuer: CaCertificate;
  readonly serialNumber: SerialNumber;
}

export function buildOcspRequest({ issuer, serialNumber }: AskedCertificate, nonce: boolean): Uint8Array {
  const certId = sequence(
    sequence(objectIdentifier(oids.sha1), nullValue()),
    octetString(hash('sha1', issuer.subjectDer, 'buffer')),
    octetString(hash('sha1', issuer.publicKey.subjectPublicKey, 'buffer')),
    serialNumberInteger(serialNumber),
  );
  const extensions = nonce ? [explicit(2, sequence(nonceExtension()))] : [];
  return encode(sequence(sequence(sequence(sequence(certId)), ...extensions)));
}

function nonceExtension() {
  return encoded(encode(extension(oids.ocspNonce, octetString(randomBytes(NONCE_OCTETS)))));
}
