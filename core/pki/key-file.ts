/**
 * The public key in whatever an operator has of a device: public key, certificate, request, or leaked private key.
 * Only its fingerprint is asked for, so nothing is judged: not the strength of the key, nor any signature.
 */
import { createPublicKey } from 'node:crypto';
import { GatehouseError } from '../errors.ts';
import type { Fingerprint } from '../ids.ts';
import { tags } from './der-fields.ts';
import { type DerElement, DerError, decodeDer, refuseMalformed } from './der-reader.ts';
import { fingerprintOf } from './fingerprint.ts';
import { decodeBase64, findPemBlock } from './pem.ts';

const LIMITS = { maxBytes: 64 * 1024, maxDepth: 16 };
const DER_BEGINS = 0x30;

/**
 * @param bytes of a file, PEM or DER
 * @returns SHA-256 over the SubjectPublicKeyInfo, byte for byte as it stands there
 * @throws GatehouseError `key_file_invalid`
 */
export function keyFingerprintIn(bytes: Uint8Array): Fingerprint {
  if (bytes.length > LIMITS.maxBytes) {
    throw new GatehouseError('key_file_invalid', `more than ${LIMITS.maxBytes} bytes`);
  }
  if (bytes[0] === DER_BEGINS) return fingerprintInDer(bytes);
  const text = Buffer.from(bytes).toString('latin1');
  const block = findPemBlock(text);
  if (block === undefined) throw new GatehouseError('key_file_invalid', 'neither PEM nor DER');
  if (block.label.endsWith('PRIVATE KEY')) return fingerprintOfPrivateKey(text);
  const der = decodeBase64(block.body);
  if (der === undefined) throw new GatehouseError('key_file_invalid', 'the base64 is broken');
  return fingerprintInDer(der);
}

function fingerprintInDer(der: Uint8Array): Fingerprint {
  return refuseMalformed('key_file_invalid', () => {
    const file = decodeDer(der, LIMITS);
    // RFC 5280 §4.1 and RFC 2986 §4.2: a certificate or request is what was signed, the algorithm, the signature.
    const [signed] = file.children;
    const key = [file, ...(signed?.children ?? [])].find(isSubjectPublicKeyInfo);
    if (key === undefined) throw new DerError('neither a public key nor a certificate nor a request');
    return fingerprintOf(key.bytes);
  });
}

/** RFC 5280 §4.1.2.7: an algorithm and a BIT STRING. Nothing else beside it in what is signed looks so. */
function isSubjectPublicKeyInfo({ tag, children }: DerElement): boolean {
  const [algorithm, key] = children;
  return (
    tag === tags.sequence &&
    children.length === 2 &&
    algorithm?.tag === tags.sequence &&
    key?.tag === tags.bitString
  );
}

function fingerprintOfPrivateKey(pem: string): Fingerprint {
  try {
    return fingerprintOf(createPublicKey(pem).export({ type: 'spki', format: 'der' }));
  } catch (cause) {
    throw new GatehouseError('key_file_invalid', 'a private key that is encrypted, or cannot be read', {
      cause,
    });
  }
}
