/** Looks for the private halves of given public keys in every file of a folder, in PEM and in DER. */
import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** ECPrivateKey (RFC 5915 §3): version 1, then the OCTET STRING of the private key; by the length of that. */
const EC_PRIVATE_KEYS = [
  { size: 32, curve: 'prime256v1', head: Buffer.from('0201010420', 'hex') },
  { size: 48, curve: 'secp384r1', head: Buffer.from('0201010430', 'hex') },
];

/** @returns the files that hold one of them, or a private key that is encrypted and so may be one */
export function filesWithKeysOf(folder: string, publicKeys: readonly KeyObject[]): string[] {
  const points = publicKeys.map(pointOf);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .filter((file) => {
      const bytes = readFileSync(file);
      const text = bytes.toString('latin1');
      if (text.includes('BEGIN ENCRYPTED PRIVATE KEY')) return true;
      return [...pointsInPem(text), ...pointsInDer(bytes)].some((point) => points.includes(point));
    });
}

function pointOf(key: KeyObject): string {
  const { x, y } = key.export({ format: 'jwk' });
  return `${x}.${y}`;
}

function pointsInPem(text: string): string[] {
  const blocks =
    text.match(/-----BEGIN (?:EC )?PRIVATE KEY-----[^-]+-----END (?:EC )?PRIVATE KEY-----/g) ?? [];
  return blocks.map((pem) => pointOf(createPublicKey(createPrivateKey(pem))));
}

function pointsInDer(bytes: Buffer): string[] {
  return EC_PRIVATE_KEYS.flatMap(({ size, curve, head }) => {
    const points: string[] = [];
    for (let at = bytes.indexOf(head); at !== -1; at = bytes.indexOf(head, at + 1)) {
      const secret = bytes.subarray(at + head.length, at + head.length + size);
      points.push(...pointWith(curve, secret));
    }
    return points;
  });
}

function pointWith(curve: string, secret: Buffer): string[] {
  const ecdh = createECDH(curve);
  try {
    ecdh.setPrivateKey(secret);
  } catch {
    // Those bytes were no key.
    return [];
  }
  const point = ecdh.getPublicKey().subarray(1);
  const halves = [point.subarray(0, point.length / 2), point.subarray(point.length / 2)];
  return [halves.map((half) => half.toString('base64url')).join('.')];
}
