/** The private keys a simulated device can have. They are generated here and leave only for the state folder. */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

const generators = {
  'ec-p256': () => generate('ec', { namedCurve: 'P-256' }),
  'ec-p384': () => generate('ec', { namedCurve: 'P-384' }),
  ed25519: () => generate('ed25519'),
  'rsa-2048': () => generate('rsa', { modulusLength: 2048 }),
  'rsa-3072': () => generate('rsa', { modulusLength: 3072 }),
  'rsa-4096': () => generate('rsa', { modulusLength: 4096 }),
} as const;

export type KeyType = keyof typeof generators;

export const keyTypes = Object.keys(generators) as readonly KeyType[];
export const defaultKeyType: KeyType = 'ec-p256';

export async function generatePrivateKey(type: KeyType = defaultKeyType): Promise<KeyObject> {
  const { privateKey } = await generators[type]();
  return privateKey;
}

/** Which of them a key is; the default for a kind that is none. A device that renews makes its next key of the same. */
export function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): KeyType {
  const names: Readonly<Record<string, string>> = {
    ec: details?.namedCurve === 'secp384r1' ? 'ec-p384' : 'ec-p256',
    ed25519: 'ed25519',
    rsa: `rsa-${details?.modulusLength}`,
  };
  const name = names[asymmetricKeyType ?? ''];
  return keyTypes.find((type) => type === name) ?? defaultKeyType;
}

/** PKCS #8 PEM, unencrypted, as devices and mosquitto_pub read it. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
