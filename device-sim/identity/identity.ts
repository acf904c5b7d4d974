/**
 * How a device comes by its identity and keeps it: key, then CSR, then certificate, each stored before the next
 * step depends on it. Cut off anywhere, the same steps run again end with the same key and, because the server
 * answers the same token and key with the same certificate, with the same certificate.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { EnrollResponse } from '../../core/api.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, parseDeviceId, parseSerialNumber, quote, type SerialNumber } from '../../core/ids.ts';
import { decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { type PublicKey, publicKeyOf } from '../../core/pki/public-key.ts';
import { buildCsr } from './csr.ts';
import type { IdentityStorage } from './identity-storage.ts';
import { generatePrivateKey, type KeyType, privateKeyPem } from './private-key.ts';

export interface Identity {
  readonly deviceId: DeviceId;
  readonly serialNumber: SerialNumber;
  /** PKCS #8 PEM. */
  readonly key: string;
  /** PEM: the device's certificate, then those between it and the root. */
  readonly chain: string;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
  readonly mqttUrl: string;
}

export interface EnrollIdentityOptions {
  readonly storage: IdentityStorage;
  /** The ID to ask for; undefined derives one from the key. */
  readonly requestedId: DeviceId | undefined;
  readonly keyType: KeyType;
  /** Sends a CSR in PEM; the token is the caller's affair. */
  readonly enroll: (csr: string) => Promise<EnrollResponse>;
}

const enrollmentSchema = z.object({
  deviceId: z.string().transform(parseDeviceId),
  serialNumber: z.string().transform(parseSerialNumber),
  notAfter: z.iso.datetime().transform((text) => Date.parse(text)),
  mqttUrl: z.string(),
});

/** The finished identity; undefined where enrollment has not begun or not ended. @throws GatehouseError `state_invalid` */
export async function loadIdentity(storage: IdentityStorage): Promise<Identity | undefined> {
  const certificate = await storage.read('cert.pem');
  if (certificate === undefined) return undefined;
  const [key, chain, enrollment] = await Promise.all([
    storage.read('key.pem'),
    storage.read('chain.pem'),
    storage.read('enrollment.json'),
  ]);
  if (key === undefined || chain === undefined || enrollment === undefined) {
    throw unusable(storage, 'cert.pem is there, and a file that was written before it is not');
  }
  requireMatch(
    storage,
    certificate,
    parseStored(storage, 'key.pem', () => createPrivateKey(key)),
  );
  const stored = parseStored(storage, 'enrollment.json', () =>
    enrollmentSchema.parse(JSON.parse(enrollment)),
  );
  return { ...stored, key, chain };
}

/** Runs what is left of enrollment. @throws Failure of `enroll`; GatehouseError `state_invalid`, `enrollment_failed` */
export async function enrollIdentity(options: EnrollIdentityOptions): Promise<Identity> {
  const { storage, enroll } = options;
  // Step 1: the key. It is stored before anybody hears of it.
  const key = await obtainKey(options);

  // Step 2: the request.
  const request = await obtainRequest(options, key);

  // Step 3: the server's answer, which is as good as lost until step 4 ends, and can be asked for again.
  const answer = await enroll(request);
  requireOwn(answer, key);

  // Step 4: the certificate, last of all: its file says that the rest is complete.
  const { certificate, chain, ...enrollment } = answer;
  await storage.write('chain.pem', joinPem(certificate, chain));
  await storage.write('enrollment.json', `${JSON.stringify(enrollment, null, 2)}\n`);
  await storage.write('cert.pem', certificate);
  return {
    deviceId: enrollment.deviceId,
    serialNumber: enrollment.serialNumber,
    key: privateKeyPem(key),
    chain: joinPem(certificate, chain),
    notAfter: Date.parse(enrollment.notAfter),
    mqttUrl: enrollment.mqttUrl,
  };
}

async function obtainKey({ storage, keyType }: EnrollIdentityOptions): Promise<KeyObject> {
  const stored = await storage.read('key.pem');
  if (stored !== undefined) return parseStored(storage, 'key.pem', () => createPrivateKey(stored));
  const key = await generatePrivateKey(keyType);
  await storage.write('key.pem', privateKeyPem(key));
  return key;
}

async function obtainRequest(
  { storage, requestedId }: EnrollIdentityOptions,
  key: KeyObject,
): Promise<string> {
  const publicKey = publicKeyOf(key);
  const commonName = requestedId ?? idFromKey(publicKey);
  const stored = await storage.read('request.pem');
  if (stored !== undefined && asksFor(stored, commonName, publicKey)) return stored;
  const request = encodePem('CERTIFICATE REQUEST', buildCsr({ commonName, privateKey: key }));
  await storage.write('request.pem', request);
  return request;
}

/** A stored request that asks for another name, or cannot be read, is simply made anew: nothing depends on it. */
function asksFor(request: string, commonName: DeviceId, { keyFingerprint }: PublicKey): boolean {
  try {
    const parsed = parseCsr(decodeCsr(request));
    return parsed.commonName === commonName && parsed.publicKey.keyFingerprint === keyFingerprint;
  } catch {
    return false;
  }
}

/** A name that needs no storage of its own, since the key has one. */
function idFromKey({ keyFingerprint }: PublicKey): DeviceId {
  return parseDeviceId(`sim-${keyFingerprint.slice(0, 12)}`);
}

function requireOwn({ certificate, deviceId }: EnrollResponse, key: KeyObject): void {
  if (!isFor(certificate, deviceId, key)) {
    throw new GatehouseError(
      'enrollment_failed',
      `the certificate in the answer is not one for ${quote(deviceId)} and its key`,
    );
  }
}

function isFor(certificate: string, deviceId: DeviceId, key: KeyObject): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    return parsed.checkPrivateKey(key) && parsed.subject === `CN=${deviceId}`;
  } catch {
    return false;
  }
}

function requireMatch(storage: IdentityStorage, certificate: string, key: KeyObject): void {
  const parsed = parseStored(storage, 'cert.pem', () => new X509Certificate(certificate));
  if (!parsed.checkPrivateKey(key)) throw unusable(storage, 'key.pem is not the key of cert.pem');
}

function parseStored<T>(storage: IdentityStorage, file: string, parse: () => T): T {
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
