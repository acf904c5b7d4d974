/**
 * Whether a device may have a certificate for a key, and under which name: every rule of enrollment, in order,
 * over the registry as it stands. It is asked twice: before signing, where a refusal is cheap, and again
 * inside the transaction that records the certificate, where nothing can change any more.
 */
import { GatehouseError } from '../../../core/errors.ts';
import type { EntityName } from '../../../core/ids.ts';
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import type { Profile } from '../../../core/pki/profile.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { GroupRecord, RequestRecord } from '../../../registry/records.ts';
import type { CertificateTerms } from '../issuing/certificate-terms.ts';
import { profileFor, refuseKey } from '../issuing/key-rules.ts';
import { groupOrRefuse } from '../look-ups.ts';
import { entitleByFactory } from './entitle-by-factory.ts';
import { entitleByToken } from './entitle-by-token.ts';
import type { Entitlement } from './entitlement.ts';
import type { VerifiedChain } from './identify-factory.ts';

/** By what a device enrolls: a token whose secret has been compared, or a factory certificate that TLS has verified. */
export type Credential =
  | { readonly kind: 'token'; readonly tokenId: string }
  | { readonly kind: 'factory'; readonly chain: VerifiedChain };

export interface AskedEnrollment {
  readonly credential: Credential;
  readonly request: CertificationRequest;
  /** The group that the device named, which must be the one it joins; null where it named none. */
  readonly group: EntityName | null;
  /** Who makes the key that is certified: 'server' with EST's serverkeygen, where the request's key is a placeholder. */
  readonly keyFrom: 'device' | 'server';
}

export type Repeated = Entitlement & { kind: 'repeated' };
/** An operator has been asked, and has not decided. */
export interface Awaiting {
  readonly kind: 'awaiting';
  readonly open: RequestRecord;
}

export interface Entitled extends Omit<Entitlement & { kind: 'entitled' }, 'kind' | 'group'> {
  readonly group: GroupRecord;
  readonly terms: CertificateTerms;
}

export type AdmittedRequest =
  | Repeated
  | (Entitled & { readonly kind: 'granted' })
  /** An operator must approve it, and has not been asked yet. */
  | (Entitled & { readonly kind: 'unrequested' })
  | Awaiting;

export async function admitRequest(
  registry: RegistryReader,
  asked: AskedEnrollment,
  now: number,
): Promise<AdmittedRequest> {
  const entitlement = await entitlementOf(registry, asked, now);
  if (entitlement.kind === 'repeated') return entitlement;

  const { deviceId, device, open } = entitlement;
  const { request, keyFrom } = asked;
  if (keyFrom === 'device') await refuseKey(registry, deviceId, request.publicKey);
  const group = await groupOrRefuse(registry, entitlement.group);
  const profile = await profileFor(registry, group, request.publicKey);
  if (keyFrom === 'server') refuseServerKey(group, profile);

  const attributes = device?.attributes ?? {};
  const terms = { profile, device: { id: deviceId, group: group.name, attributes } };
  const entitled: Entitled = { ...entitlement, group, terms };
  if (group.approval === 'none' || open?.status === 'approved') return { ...entitled, kind: 'granted' };
  return open === undefined ? { ...entitled, kind: 'unrequested' } : { kind: 'awaiting', open };
}

function entitlementOf(
  registry: RegistryReader,
  { credential, ...asked }: AskedEnrollment,
  now: number,
): Promise<Entitlement> {
  return credential.kind === 'token'
    ? entitleByToken(registry, { ...asked, tokenId: credential.tokenId }, now)
    : entitleByFactory(registry, { ...asked, chain: credential.chain }, now);
}

/** What an operator approves is a key, and here there is none before the answer that carries it. */
function refuseServerKey(group: GroupRecord, profile: Profile): void {
  if (!profile.serverKeygen) {
    throw new GatehouseError(
      'server_keygen_disabled',
      `profile ${profile.name} does not say serverKeygen: true`,
    );
  }
  if (group.approval === 'required') {
    throw new GatehouseError('server_keygen_disabled', `group ${group.name} requires approval`);
  }
}
