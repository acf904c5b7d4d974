/** CA keys in DATA/ca, each a file of its own, encrypted with the one passphrase (core/pki/encrypted-key.ts). */
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GatehouseError } from '../../core/errors.ts';
import type { CaCertificate } from '../../core/pki/certificate.ts';
import { decryptPrivateKey, encryptPrivateKey, type GuessCost } from '../../core/pki/encrypted-key.ts';
import { createKeySigner, signingKeyOf } from '../../core/pki/signer.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import type { DataLayout } from '../../runtime/layout.ts';
import { type CaKeyStore, type CaKind, CURVES } from './key-store.ts';

export interface FileKeyStore {
  readonly layout: DataLayout;
  /** Asked whenever a key is written or read, so that it need not be kept in memory. */
  readonly passphrase: () => Promise<string>;
  /** Of the keys that it writes. No setting changes it: only a caller that has nothing to keep may ask for less. */
  readonly guessCost?: GuessCost;
}

export function createFileKeyStore({ layout, passphrase, guessCost }: FileKeyStore): CaKeyStore {
  return {
    async generate(kind) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: CURVES[kind] });
      return {
        ...signingKeyOf(privateKey),
        keep: async (certificate) => {
          const pem = encryptPrivateKey(privateKey, await passphrase(), guessCost);
          await writeFileAtomic(fileOf(layout, kind, certificate), pem);
        },
      };
    },

    async signerOf(kind, certificate) {
      const file = fileOf(layout, kind, certificate);
      const signer = createKeySigner(decryptPrivateKey(await readKey(file, certificate), await passphrase()));
      if (signer.keyFingerprint !== certificate.publicKey.keyFingerprint) {
        throw new GatehouseError('issuer_key_mismatch', `${file} is not the key of ${certificate.subject}`);
      }
      return signer;
    },

    // A key pair that was not kept has never been on disk.
    close: async () => {},
  };
}

function fileOf({ ca }: DataLayout, kind: CaKind, { fingerprint }: CaCertificate): string {
  return kind === 'root' ? ca.rootKey(fingerprint) : ca.issuingKey(fingerprint);
}

/** @throws GatehouseError `ca_key_missing` */
async function readKey(file: string, { subject }: CaCertificate): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new GatehouseError('ca_key_missing', `${file}, the key of ${subject}, cannot be read`, {
      cause: error,
    });
  }
}
