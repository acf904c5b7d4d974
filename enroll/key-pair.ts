/** Private keys that Gatehouse makes for others: for a device that cannot, and for an example. */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { PublicKey } from '../core/pki/public-key.ts';

const generate = promisify(generateKeyPair);

/** @param kind and, of an RSA key, the size */
export async function generatePrivateKey({
  kind,
  bits,
}: Pick<PublicKey, 'kind' | 'bits'>): Promise<KeyObject> {
  switch (kind) {
    case 'ec-p256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'ec-p384':
      return (await generate('ec', { namedCurve: 'P-384' })).privateKey;
    case 'ed25519':
      return (await generate('ed25519')).privateKey;
    case 'rsa':
      return (await generate('rsa', { modulusLength: bits })).privateKey;
  }
}
