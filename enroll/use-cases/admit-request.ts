/**
 * Whether a token may have a certificate for a key, and under which name: every rule of enrollment, in order,
 * over the registry as it stands. It is asked twice: before signing, where a refusal is cheap, and again
 * inside the transaction that records the certificate, where nothing can change any more.
 */
import { boundDeviceId, isExactBinding } from '../../core/enrollment/device-binding.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, type EntityName, quote } from '../../core/ids.ts';
import type { CertificationRequest } from '../../core/pki/csr.ts';
import type { Profile } from '../../core/pki/profile.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { CertificateRecord, DeviceRecord, GroupRecord, TokenRecord } from '../../registry/records.ts';
import { profileFor, refuseKey } from './key-rules.ts';

export interface AskedEnrollment {
  readonly tokenId: string;
  readonly request: CertificationRequest;
  /** The group that the device named, which must be the token's; null where it named none. */
  readonly group: EntityName | null;
  /** Who makes the key that is certified: 'server' with EST's serverkeygen, where the request's key is a placeholder. */
  readonly keyFrom: 'device' | 'server';
}

export type AdmittedRequest =
  /** The same token and key were served before: here is that certificate again. */
  | { readonly kind: 'repeated'; readonly certificate: CertificateRecord; readonly device: DeviceId }
  | {
      readonly kind: 'granted';
      readonly deviceId: DeviceId;
      /** The device as it is, where this token may enroll it anew. */
      readonly device: DeviceRecord | undefined;
      readonly group: GroupRecord;
      readonly profile: Profile;
    };

export async function admitRequest(
  registry: RegistryReader,
  { tokenId, request, group: named, keyFrom }: AskedEnrollment,
  now: number,
): Promise<AdmittedRequest> {
  const token = await registry.token(tokenId);
  if (token === undefined) throw new GatehouseError('token_unknown');
  if (token.revokedAt !== null) throw new GatehouseError('token_revoked', `token ${token.id} was revoked`);

  if (named !== null && named !== token.group) {
    throw new GatehouseError('token_group_mismatch', `token ${token.id} is not for group ${named}`);
  }

  const { keyFingerprint } = request.publicKey;
  const before = await registry.tokenUse(token.id, keyFingerprint);
  if (before?.device != null && keyFrom === 'device') {
    // Even where the token is spent or expired since: the device may never have seen the answer.
    await refuseBarred(registry, before.device);
    // The same key under another name is not a repetition but a copied key.
    if (request.commonName !== null && request.commonName !== before.device)
      throw new GatehouseError('key_in_use');
    return { kind: 'repeated', certificate: before, device: before.device };
  }

  refuseUsedUp(token, now);
  const deviceId = boundDeviceId(token.device, request.commonName);
  const device = await registry.device(deviceId);
  await refuseBarred(registry, deviceId);
  if (device !== undefined && !isExactBinding(token.device)) {
    throw new GatehouseError('device_already_enrolled', `device ${quote(deviceId)} is enrolled already`);
  }
  if (keyFrom === 'device') await refuseKey(registry, deviceId, request.publicKey);

  const group = await registry.group(device?.group ?? token.group);
  if (group === undefined)
    throw new GatehouseError('group_unknown', `the group of token ${token.id} is gone`);
  const profile = await profileFor(registry, group, request.publicKey);
  if (keyFrom === 'server' && !profile.serverKeygen) {
    throw new GatehouseError(
      'server_keygen_disabled',
      `profile ${profile.name} does not say serverKeygen: true`,
    );
  }
  return { kind: 'granted', deviceId, device, group, profile };
}

function refuseUsedUp(token: TokenRecord, now: number): void {
  if (token.expiresAt <= now) {
    throw new GatehouseError(
      'token_expired',
      `token ${token.id} expired at ${new Date(token.expiresAt).toISOString()}`,
    );
  }
  if (token.uses >= token.maxUses) {
    throw new GatehouseError(
      'token_spent',
      `token ${token.id} was used ${token.uses} of ${token.maxUses} times`,
    );
  }
}

/** A device that an operator barred stays out, whatever token it brings. */
async function refuseBarred(registry: RegistryReader, id: DeviceId): Promise<void> {
  const device = await registry.device(id);
  if (device?.status === 'revoked')
    throw new GatehouseError('device_revoked', `device ${quote(id)} is revoked`);
  if (device?.status === 'suspended') {
    throw new GatehouseError('device_suspended', `device ${quote(id)} is suspended`);
  }
}
