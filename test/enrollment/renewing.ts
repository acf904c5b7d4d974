/** Devices that renew: enrolled by a token at a running enroll process, with keys of their own. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { expect } from '@jest/globals';
import type { CertificateView } from '../../core/api/certificates.ts';
import type { EnrollResponse } from '../../core/api/enrollment.ts';
import type { TokenRequest } from '../../core/api/tokens.ts';
import type { Fingerprint } from '../../core/ids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { type ClientIdentity, csrPem, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';

export interface Holder extends ClientIdentity, EnrollResponse {
  readonly privateKey: KeyObject;
}

export interface RenewalTerms {
  readonly privateKey?: KeyObject;
  /** Null for a CSR without one. */
  readonly commonName?: string | null;
}

export async function enrollHolder(
  service: TestEnroll,
  id: string,
  terms: TokenRequest = {},
): Promise<Holder> {
  const privateKey = await generatePrivateKey();
  const { token } = await service.createToken(terms);
  const { status, body } = await service.enroll(token, await csrPem({ commonName: id, privateKey }));
  expect([status, body.code]).toEqual([201, undefined]);
  return holderOf(body, privateKey);
}

/** Asks for a renewal, by default for the key that the certificate has. */
export async function askRenewal(service: TestEnroll, holder: Holder, terms: RenewalTerms = {}) {
  const { privateKey = holder.privateKey, commonName = holder.deviceId } = terms;
  return service.renew(holder, await csrPem({ commonName, privateKey }));
}

/** The same, successful. */
export async function renewed(
  service: TestEnroll,
  holder: Holder,
  terms: RenewalTerms = {},
): Promise<Holder> {
  const { status, body } = await askRenewal(service, holder, terms);
  expect([status, body.code]).toEqual([201, undefined]);
  return holderOf(body, terms.privateKey ?? holder.privateKey);
}

export function holderOf(body: EnrollResponse, privateKey: KeyObject): Holder {
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { ...body, key, cert: body.certificate + body.chain, privateKey };
}

export async function certificateOf(
  service: TestEnroll,
  { serialNumber }: Pick<Holder, 'serialNumber'>,
): Promise<CertificateView> {
  const { body } = await service.operator<CertificateView>('GET', `/certificates/${serialNumber}`);
  return body;
}

export async function statusOf(service: TestEnroll, holder: Pick<Holder, 'serialNumber'>): Promise<string> {
  return (await certificateOf(service, holder)).status;
}

export function untilStatus(service: TestEnroll, holder: Holder, status: string): Promise<true> {
  return eventually(async () => (await statusOf(service, holder)) === status || undefined);
}

export function keyFingerprintOf(key: KeyObject): Fingerprint {
  return publicKeyOf(createPublicKey(key)).keyFingerprint;
}
