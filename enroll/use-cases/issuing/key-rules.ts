/** Whether a device may have a certificate for a key: the rules that enrollment and renewal share. */
import { GatehouseError } from '../../../core/errors.ts';
import type { DeviceId } from '../../../core/ids.ts';
import { type Profile, parseProfile } from '../../../core/pki/profile.ts';
import type { PublicKey } from '../../../core/pki/public-key.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { GroupRecord } from '../../../registry/records.ts';
import { deviceOrRefuse, groupOrRefuse } from '../look-ups.ts';

/** @throws GatehouseError `key_blocked`, `key_compromised`, `key_in_use` */
export async function refuseKey(
  registry: RegistryReader,
  deviceId: DeviceId,
  { keyFingerprint }: Pick<PublicKey, 'keyFingerprint'>,
): Promise<void> {
  await refuseBlockedKey(registry, { keyFingerprint });
  const owner = await registry.keyOwner(keyFingerprint);
  if (owner !== undefined && owner !== deviceId) {
    // The other device's name is not told: whoever holds a token need not learn it.
    throw new GatehouseError('key_in_use');
  }
}

/** Whoever else knows the key could be its device. @throws GatehouseError `key_blocked`, `key_compromised` */
export async function refuseBlockedKey(
  registry: RegistryReader,
  { keyFingerprint }: Pick<PublicKey, 'keyFingerprint'>,
): Promise<void> {
  if (await registry.isKeyBlocked(keyFingerprint)) {
    throw new GatehouseError('key_blocked', `the key ${keyFingerprint} is on the block-list`);
  }
  if (await registry.isKeyCompromised(keyFingerprint)) throw new GatehouseError('key_compromised');
}

/** The profile of the group. @throws GatehouseError `profile_unknown` */
export async function profileOf(registry: RegistryReader, group: GroupRecord): Promise<Profile> {
  const record = await registry.profile(group.profile);
  if (record === undefined) {
    throw new GatehouseError('profile_unknown', `group ${group.name} names profile ${group.profile}`);
  }
  return parseProfile(JSON.parse(record.document));
}

/** The profile of the device's group. @throws GatehouseError `device_unknown`, `group_unknown`, `profile_unknown` */
export async function profileOfDevice(registry: RegistryReader, id: DeviceId): Promise<Profile> {
  const device = await deviceOrRefuse(registry, id);
  return profileOf(registry, await groupOrRefuse(registry, device.group));
}

/** The profile of the group, which must take such a key. @throws GatehouseError `key_unsupported` where the profile does not take it */
export async function profileFor(
  registry: RegistryReader,
  group: GroupRecord,
  { kind }: Pick<PublicKey, 'kind'>,
): Promise<Profile> {
  const profile = await profileOf(registry, group);
  if (!profile.keys.includes(kind)) {
    throw new GatehouseError(
      'key_unsupported',
      `profile ${profile.name} takes ${profile.keys.join(', ')}, not ${kind}`,
    );
  }
  return profile;
}
