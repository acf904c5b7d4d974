/** What an enrollment token entitles to: every rule about tokens, in order, over the registry as it stands. */
import { boundDeviceId, isExactBinding } from '../../../core/enrollment/device-binding.ts';
import { GatehouseError } from '../../../core/errors.ts';
import { quote } from '../../../core/ids.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { CredentialName, DeviceRecord, RequestRecord, TokenRecord } from '../../../registry/records.ts';
import {
  type AskedOfCredential,
  type Entitlement,
  isOpen,
  isPreRegistered,
  refuseBarred,
  refuseDenied,
} from './entitlement.ts';

export interface AskedByToken extends AskedOfCredential {
  readonly tokenId: string;
  /** 'server' where the request's key is a placeholder for one that Gatehouse will make. */
  readonly keyFrom: 'device' | 'server';
}

const WHAT_IT_GAVE = 'what this token gave for this key has been revoked since';

/** @throws GatehouseError `token_*`, `device_*`, `certificate_revoked`, `cn_*`, `key_in_use`, `request_denied` */
export async function entitleByToken(
  registry: RegistryReader,
  { tokenId, request, group: named, keyFrom }: AskedByToken,
  now: number,
): Promise<Entitlement> {
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
    refuseBarred(await registry.device(before.device));
    // The same key under another name is not a repetition but a copied key.
    if (request.commonName !== null && request.commonName !== before.device)
      throw new GatehouseError('key_in_use');
    if (before.status === 'revoked') throw new GatehouseError('certificate_revoked', WHAT_IT_GAVE);
    return { kind: 'repeated', certificate: before, device: before.device };
  }

  const credential: CredentialName = `token:${token.id}`;
  const latest = await registry.latestRequest(credential, now, keyFingerprint);
  refuseDenied(latest);
  const open = isOpen(latest) ? latest : undefined;
  await refuseUsedUp(registry, token, open, now);

  const deviceId = boundDeviceId(token.device, request.commonName);
  // An operator is asked about one device: its word counts for no other.
  if (open !== undefined && open.device !== deviceId) throw new GatehouseError('key_in_use');
  const device = await registry.device(deviceId);
  refuseBarred(device);
  if (device !== undefined) await refuseTakeover(registry, token, device);
  const group = device?.group ?? token.group;
  return { kind: 'entitled', credential, factory: null, deviceId, device, group, open, outdated: undefined };
}

/**
 * Uses that were promised count like uses. A request that was made in time outlives its token: it is the operator
 * who was slow, and not the device.
 */
async function refuseUsedUp(
  registry: RegistryReader,
  token: TokenRecord,
  open: RequestRecord | undefined,
  now: number,
): Promise<void> {
  if (open !== undefined) return;
  if (token.expiresAt <= now) {
    throw new GatehouseError(
      'token_expired',
      `token ${token.id} expired at ${new Date(token.expiresAt).toISOString()}`,
    );
  }
  const awaiting = await registry.openRequestsBy(`token:${token.id}`, now);
  if (token.uses + awaiting >= token.maxUses) {
    const promised = awaiting === 0 ? '' : `, and ${awaiting} more wait for an operator`;
    throw new GatehouseError(
      'token_spent',
      `token ${token.id} was used ${token.uses} of ${token.maxUses} times${promised}`,
    );
  }
}

/** A token that does not name the device must not become it: neither where it is enrolled, nor where it is a service to be. */
async function refuseTakeover(
  registry: RegistryReader,
  token: TokenRecord,
  device: DeviceRecord,
): Promise<void> {
  if (isExactBinding(token.device)) return;
  if (!(await isPreRegistered(registry, device))) {
    throw new GatehouseError('device_already_enrolled', `device ${quote(device.id)} is enrolled already`);
  }
  if (device.group !== token.group) {
    throw new GatehouseError(
      'token_group_mismatch',
      `token ${token.id} is for group ${token.group}; device ${quote(device.id)} was imported into another`,
    );
  }
}
