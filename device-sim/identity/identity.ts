/**
 * What a device is, as its storage holds it: a key, a certificate for it, and what the server said of that. Up to
 * two stand side by side: the current identity, and the successor that a renewal has brought.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, parseDeviceId, parseSerialNumber, type SerialNumber } from '../../core/ids.ts';
import { type IdentityPart, type IdentityStorage, identityParts, type Slot } from './identity-storage.ts';
import { type KeyType, keyTypeOf, privateKeyPem } from './private-key.ts';

export interface Identity {
  readonly deviceId: DeviceId;
  readonly serialNumber: SerialNumber;
  /** PKCS #8 PEM. */
  readonly key: string;
  readonly keyType: KeyType;
  /** PEM: the device's certificate, then those between it and the root. */
  readonly chain: string;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** Milliseconds since the Unix epoch: from when on the certificate is to be renewed. */
  readonly renewAfter: number;
  readonly mqttUrl: string;
}

const time = z.iso.datetime().transform((text) => Date.parse(text));
const enrollmentSchema = z.object({
  deviceId: z.string().transform(parseDeviceId),
  serialNumber: z.string().transform(parseSerialNumber),
  notAfter: time,
  renewAfter: time,
  mqttUrl: z.string(),
});

/** The current one; undefined where enrollment has not begun or not ended. @throws GatehouseError `state_invalid` */
export async function loadIdentity(storage: IdentityStorage): Promise<Identity | undefined> {
  if (await isAdopting(storage)) await adoptSuccessor(storage);
  return readIdentity(storage, '');
}

/** What a renewal has brought and was not adopted yet. A damaged one is none: the current identity is there. */
export async function loadSuccessor(storage: IdentityStorage): Promise<Identity | undefined> {
  try {
    return await readIdentity(storage, 'next-');
  } catch (error) {
    if (error instanceof GatehouseError && error.code === 'state_invalid') return undefined;
    throw error;
  }
}

/**
 * Makes the successor the current identity, file by file. The certificate is the last to move: while it is at its
 * old place and the key, the first, is not, the rest is still to be done, and `loadIdentity` does it.
 */
export async function adoptSuccessor(storage: IdentityStorage): Promise<void> {
  for (const part of identityParts) {
    if ((await storage.read(`next-${part}`)) !== undefined) await storage.move(`next-${part}`, part);
  }
}

/** The certificate goes first: without it, the rest is no successor. */
export async function discardSuccessor(storage: IdentityStorage): Promise<void> {
  for (const part of identityParts.toReversed()) await storage.remove(`next-${part}`);
}

async function isAdopting(storage: IdentityStorage): Promise<boolean> {
  const [certificate, key] = await Promise.all([storage.read('next-cert.pem'), storage.read('next-key.pem')]);
  return certificate !== undefined && key === undefined;
}

/** Stores the server's answer for a key that is stored already. The certificate is the last: it says that the rest is there. */
export async function storeIdentity(
  storage: IdentityStorage,
  slot: Slot,
  { answer, key }: { readonly answer: EnrollResponse; readonly key: KeyObject },
): Promise<Identity> {
  const { certificate, chain: issuers, ...enrollment } = answer;
  const chain = joinPem(certificate, issuers);
  await storage.write(`${slot}chain.pem`, chain);
  await storage.write(`${slot}enrollment.json`, `${JSON.stringify(enrollment, null, 2)}\n`);
  await storage.write(`${slot}cert.pem`, certificate);
  return { ...enrollmentSchema.parse(enrollment), key: privateKeyPem(key), keyType: keyTypeOf(key), chain };
}

async function readIdentity(storage: IdentityStorage, slot: Slot): Promise<Identity | undefined> {
  const certificate = await storage.read(`${slot}cert.pem`);
  if (certificate === undefined) return undefined;
  const [key, chain, enrollment] = await Promise.all([
    storage.read(`${slot}key.pem`),
    storage.read(`${slot}chain.pem`),
    storage.read(`${slot}enrollment.json`),
  ]);
  if (key === undefined || chain === undefined || enrollment === undefined) {
    throw unusable(storage, `${slot}cert.pem is there, and a file that was written before it is not`);
  }
  const parse = <T>(part: IdentityPart, work: () => T) => parseStored(storage, `${slot}${part}`, work);
  const parsed = parse('cert.pem', () => new X509Certificate(certificate));
  const privateKey = parse('key.pem', () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(privateKey)) {
    throw unusable(storage, `${slot}key.pem is not the key of ${slot}cert.pem`);
  }
  const answered = parse('enrollment.json', () => enrollmentSchema.parse(JSON.parse(enrollment)));
  return { ...answered, key, keyType: keyTypeOf(privateKey), chain };
}

/** Whether it is a certificate for this key and this device. A profile may add to the name, the CN alone is the ID. */
export function isCertificateFor(certificate: string, deviceId: DeviceId, key: KeyObject): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    // One attribute a line. Not toLegacyObject: called before anything has loaded node:tls, it leaves that
    // without createSecureContext (their modules in Node 20 load one another).
    const names = parsed.subject.split('\n').filter((line) => line.startsWith('CN='));
    return parsed.checkPrivateKey(key) && names.length === 1 && names[0] === `CN=${deviceId}`;
  } catch {
    return false;
  }
}

/** @throws GatehouseError `state_invalid` where `parse` throws */
export function parseStored<T>(storage: IdentityStorage, file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unusable(storage, `${file} is damaged`, { cause: error });
  }
}

function unusable({ place }: IdentityStorage, what: string, options?: ErrorOptions): GatehouseError {
  return new GatehouseError('state_invalid', `${place}: ${what}`, options);
}

function joinPem(...parts: string[]): string {
  return parts.map((part) => `${part.trim()}\n`).join('');
}
