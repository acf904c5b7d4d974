/**
 * How a device comes by its identity: key, then CSR, then certificate, each stored before the next step depends on
 * it. Cut off anywhere, the same steps run again end with the same key and, because the server answers the same
 * token and key with the same certificate, with the same certificate.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, parseDeviceId, quote } from '../../core/ids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { obtainRequest } from './certificate-request.ts';
import { type Identity, isCertificateFor, parseStored, storeIdentity } from './identity.ts';
import type { IdentityStorage } from './identity-storage.ts';
import { generatePrivateKey, type KeyType, privateKeyPem } from './private-key.ts';

export interface EnrollIdentityOptions {
  readonly storage: IdentityStorage;
  /** The ID to ask for; undefined derives one from the key. */
  readonly requestedId: DeviceId | undefined;
  readonly keyType: KeyType;
  /** Sends a CSR in PEM; the token is the caller's affair. */
  readonly enroll: (csr: string) => Promise<EnrollResponse>;
}

/** Runs what is left of enrollment. @throws Failure of `enroll`; GatehouseError `state_invalid`, `enrollment_failed` */
export async function enrollIdentity(options: EnrollIdentityOptions): Promise<Identity> {
  const { storage, enroll } = options;
  // Step 1: the key. It is stored before anybody hears of it.
  const key = await obtainKey(options);

  // Step 2: the request.
  const commonName = options.requestedId ?? idFromKey(key);
  const request = await obtainRequest(storage, '', { commonName, privateKey: key });

  // Step 3: the server's answer, which is as good as lost until step 4 ends, and can be asked for again.
  const answer = await enroll(request);
  if (!isCertificateFor(answer.certificate, answer.deviceId, key)) {
    throw new GatehouseError(
      'enrollment_failed',
      `the certificate in the answer is not one for ${quote(answer.deviceId)} and its key`,
    );
  }

  // Step 4: the certificate, last of all.
  return storeIdentity(storage, '', { answer, key });
}

async function obtainKey({ storage, keyType }: EnrollIdentityOptions): Promise<KeyObject> {
  const stored = await storage.read('key.pem');
  if (stored !== undefined) return parseStored(storage, 'key.pem', () => createPrivateKey(stored));
  const key = await generatePrivateKey(keyType);
  await storage.write('key.pem', privateKeyPem(key));
  return key;
}

/** A name that needs no storage of its own, since the key has one. */
function idFromKey(key: KeyObject): DeviceId {
  return parseDeviceId(`sim-${publicKeyOf(key).keyFingerprint.slice(0, 12)}`);
}
