/**
 * How a device renews its identity: the successor comes to be beside the current identity, step by step as at
 * enrollment, and touches nothing of it. Cut off anywhere, the same steps run again ask for the same certificate
 * again; the server gives it again, since nobody has used it.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { GatehouseError } from '../../core/errors.ts';
import { quote } from '../../core/ids.ts';
import { asFailure } from '../contract/failure.ts';
import { obtainRequest } from './certificate-request.ts';
import { type Identity, isCertificateFor, storeIdentity } from './identity.ts';
import type { IdentityStorage } from './identity-storage.ts';
import { generatePrivateKey, privateKeyPem } from './private-key.ts';

/** Whether a renewed certificate is for a new key (a rekey) or for the one before. */
export const renewalKeys = ['new', 'same'] as const;
export type RenewalKey = (typeof renewalKeys)[number];

export interface RenewIdentityOptions {
  readonly storage: IdentityStorage;
  /** The current one. */
  readonly identity: Identity;
  readonly renewalKey: RenewalKey;
  /** Sends a CSR in PEM, with the current certificate for proof. */
  readonly renew: (csr: string) => Promise<EnrollResponse>;
}

/** @returns the successor, stored @throws Failure of `renew`; GatehouseError `enrollment_failed` */
export async function renewIdentity(options: RenewIdentityOptions): Promise<Identity> {
  const { storage, identity, renew } = options;
  // Step 1: the key. It is stored before anybody hears of it.
  const key = await obtainKey(options);

  // Step 2: the request.
  const commonName = identity.deviceId;
  const request = await obtainRequest(storage, 'next-', { commonName, privateKey: key });

  // Step 3: the server's answer. Until step 4 ends it can be asked for again.
  const answer = await renew(request).catch(async (error: unknown) => {
    // The refusal may be of this key: the next attempt makes another.
    if (asFailure(error).retry === 'never') await forgetRequest(storage);
    throw error;
  });
  const isOwn = answer.deviceId === commonName && isCertificateFor(answer.certificate, commonName, key);
  if (!isOwn) {
    throw new GatehouseError(
      'enrollment_failed',
      `the renewed certificate is not one for ${quote(commonName)} and its key`,
    );
  }

  // Step 4: the certificate, last of all.
  return storeIdentity(storage, 'next-', { answer, key });
}

/** A key that an earlier attempt left is used: the server may have certified it already. */
async function obtainKey({ storage, identity, renewalKey }: RenewIdentityOptions): Promise<KeyObject> {
  const left = await storage.read('next-key.pem');
  const leftKey = parseKey(left);
  if (leftKey !== undefined && (left === identity.key) === (renewalKey === 'same')) return leftKey;
  const key =
    renewalKey === 'same' ? createPrivateKey(identity.key) : await generatePrivateKey(identity.keyType);
  await storage.write('next-key.pem', renewalKey === 'same' ? identity.key : privateKeyPem(key));
  return key;
}

/** No certificate that the device has depends on it: one that cannot be read is made anew. */
function parseKey(pem: string | undefined): KeyObject | undefined {
  try {
    return pem === undefined ? undefined : createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

async function forgetRequest(storage: IdentityStorage): Promise<void> {
  await storage.remove('next-request.pem');
  await storage.remove('next-key.pem');
}
