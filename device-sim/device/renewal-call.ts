/** A renewal over the wire: one connection by the certificate that is renewed, on which the trust anchors come too. */
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import { createEnrollClient, type EnrollClient } from '../contract/enroll-client.ts';
import { Failure } from '../contract/failure.ts';
import type { Identity } from '../identity/identity.ts';
import type { TrustAnchors } from '../identity/trust-anchors.ts';

/** The certificate waits for them to be stored; they can be had later. */
const ANCHORS_TIMEOUT_MS = 3_000;

export interface RenewalCallOptions {
  /** The device listener. */
  readonly url: string;
  readonly trust: TrustAnchors;
  readonly onServerTime: (time: number) => void;
}

/** @throws Failure */
export async function callRenewal(
  { url, trust, onServerTime }: RenewalCallOptions,
  {
    identity,
    csr,
    signal,
  }: { readonly identity: Identity; readonly csr: string; readonly signal: AbortSignal },
): Promise<EnrollResponse> {
  const client = createEnrollClient({ url, ...trust.tlsIdentityOf(identity), onServerTime });
  try {
    const { enrollment } = await client.renew(csr, signal);
    await followAnchors(client, trust, AbortSignal.any([signal, AbortSignal.timeout(ANCHORS_TIMEOUT_MS)]));
    return enrollment;
  } finally {
    await client.close();
  }
}

/** Where they cannot be had now, those of before go on. */
export async function followAnchors(
  client: EnrollClient,
  trust: TrustAnchors,
  signal: AbortSignal,
): Promise<void> {
  if (trust.isCurrent(performance.now())) return;
  try {
    await trust.follow(await client.trustAnchors(signal), performance.now());
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}
