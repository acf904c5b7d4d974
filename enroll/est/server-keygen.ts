/**
 * EST's serverkeygen (RFC 7030 §4.4): for devices that cannot make a key of their own. The key is made for one
 * request, leaves with its answer, and is kept nowhere.
 */
import type { KeyObject } from 'node:crypto';
import { GatehouseError } from '../../core/errors.ts';
import type { CertificationRequest } from '../../core/pki/csr.ts';
import { oids } from '../../core/pki/oids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import type { EnrollContext } from '../context.ts';
import { generatePrivateKey } from '../key-pair.ts';
import { type Enrollment, type EnrollmentTerms, enrollDevice } from '../use-cases/enrolling/enroll-device.ts';

export interface KeyedEnrollment extends Enrollment {
  /** DER of the PrivateKeyInfo (RFC 5958 §2), not encrypted but by TLS. */
  readonly pkcs8: Uint8Array;
}

/**
 * One use of the token, each time: an answer that is lost takes its key with it, so there is nothing to repeat. For
 * the same reason a factory certificate, which enrolls once, does not count here.
 * @throws GatehouseError as `enrollDevice` does
 */
export async function enrollWithServerKey(
  context: EnrollContext,
  terms: Omit<EnrollmentTerms, 'makeKey' | 'peer'>,
): Promise<KeyedEnrollment> {
  const made: { privateKey?: KeyObject } = {};
  const outcome = await enrollDevice(context, {
    ...terms,
    makeKey: async (like) => {
      made.privateKey = await generatePrivateKey(like);
      return publicKeyOf(made.privateKey);
    },
  });
  if (outcome.kind !== 'enrolled' || made.privateKey === undefined)
    throw new Error('an enrollment for a key that was never made');
  return { ...outcome.enrollment, pkcs8: made.privateKey.export({ type: 'pkcs8', format: 'der' }) };
}

/** RFC 7030 §4.4.1: who names a key to encrypt the answer with must not be sent it without. */
export function refuseKeyEncryption({ attributes: { types } }: CertificationRequest): void {
  if (types.has(oids.decryptKeyIdentifier) || types.has(oids.asymmetricDecryptKeyIdentifier)) {
    throw new GatehouseError('key_encryption_unsupported');
  }
}
