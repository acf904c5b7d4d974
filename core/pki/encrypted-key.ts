/**
 * CA keys at rest: EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2 (RFC 8018 §6.2) over scrypt (RFC 7914) and
 * AES-256-CBC. Node alone would write PBKDF2 with 2,048 rounds. openssl reads and writes the same form.
 */
import { createCipheriv, createPrivateKey, type KeyObject, randomBytes, scryptSync } from 'node:crypto';
import { GatehouseError } from '../errors.ts';
import { encode, integer, objectIdentifier, octetString, sequence } from './der.ts';
import { oids } from './oids.ts';
import { decodePem, encodePem } from './pem.ts';

/** What one guess at the passphrase takes (RFC 7914 §2): 128 octets × cost × blockSize of memory, `parallelization` times. */
export interface GuessCost {
  /** A power of two. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

/** 16 MiB and about an eighth of a second a guess. OpenSSL reads nothing that takes more than 32 MiB. */
const GUESS: GuessCost = { cost: 2 ** 14, blockSize: 8, parallelization: 5 };
const SALT_OCTETS = 16;
const AES_256_KEY_OCTETS = 32;
const AES_BLOCK_OCTETS = 16;

/** @returns PEM, "ENCRYPTED PRIVATE KEY"; whoever reads it finds the cost of a guess in it */
export function encryptPrivateKey(key: KeyObject, passphrase: string, guess = GUESS): string {
  const salt = randomBytes(SALT_OCTETS);
  const iv = randomBytes(AES_BLOCK_OCTETS);
  const encryptionKey = scryptSync(passphrase, salt, AES_256_KEY_OCTETS, guess);
  const cipher = createCipheriv('aes-256-cbc', encryptionKey, iv);
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);

  const keyDerivation = sequence(
    objectIdentifier(oids.scrypt),
    sequence(
      octetString(salt),
      integer(guess.cost),
      integer(guess.blockSize),
      integer(guess.parallelization),
    ),
  );
  const encryptionScheme = sequence(objectIdentifier(oids.aes256Cbc), octetString(iv));
  const algorithm = sequence(objectIdentifier(oids.pbes2), sequence(keyDerivation, encryptionScheme));
  return encodePem('ENCRYPTED PRIVATE KEY', encode(sequence(algorithm, octetString(encrypted))));
}

/**
 * OpenSSL does the reading, so a key that the operator encrypted otherwise (PBKDF2, say) is read as well.
 * @throws GatehouseError `pem_invalid` for what is not an encrypted key, `passphrase_wrong` for what does not open
 */
export function decryptPrivateKey(pem: string, passphrase: string): KeyObject {
  const der = decodePem('ENCRYPTED PRIVATE KEY', pem);
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8', passphrase });
  } catch {
    // Without the cause: nothing that OpenSSL says about a key file belongs in a log.
    throw new GatehouseError('passphrase_wrong');
  }
}
