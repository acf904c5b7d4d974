/** What a factory certificate entitles to: every rule about them, in order, over the registry as it stands. */
import { factoryDeviceId } from '../../../core/enrollment/factory-rule.ts';
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, type Fingerprint, quote } from '../../../core/ids.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type {
  CertificateRecord,
  CredentialName,
  DeviceRecord,
  FactoryUseRecord,
  ManufacturerRecord,
} from '../../../registry/records.ts';
import { refuseBlockedKey } from '../issuing/key-rules.ts';
import {
  type AskedOfCredential,
  type Entitlement,
  isOpen,
  isPreRegistered,
  refuseBarred,
  refuseDenied,
} from './entitlement.ts';
import { identifyFactory, type VerifiedChain } from './identify-factory.ts';

export interface AskedByFactory extends AskedOfCredential {
  readonly chain: VerifiedChain;
}

/** @throws GatehouseError `factory_*`, `device_*`, `cn_not_allowed`, `key_*`, `request_denied` */
export async function entitleByFactory(
  registry: RegistryReader,
  { chain, request, group: named }: AskedByFactory,
  now: number,
): Promise<Entitlement> {
  const { certificate, manufacturer } = await identifyFactory(registry, chain, now);
  const { fingerprint, publicKey } = certificate;
  // Whoever else knows the factory key would be the device.
  await refuseBlockedKey(registry, publicKey);
  const deviceId = factoryDeviceId(manufacturer, certificate.names);
  if (request.commonName !== null && request.commonName !== deviceId) {
    const detail = `the factory certificate is for ${quote(deviceId)}, not ${quote(request.commonName)}`;
    throw new GatehouseError('cn_not_allowed', detail);
  }
  const device = await registry.device(deviceId);
  refuseBarred(device);

  const group = groupFor(manufacturer, deviceId, device);
  if (named !== null && named !== group) {
    throw new GatehouseError('device_group_mismatch', `device ${quote(deviceId)} is not of group ${named}`);
  }

  const { keyFingerprint } = request.publicKey;
  const released = (await registry.releasedAt(deviceId)) !== undefined;
  if (device !== undefined) {
    const use = await registry.factoryUse(deviceId);
    const before = released ? undefined : await givenBefore(registry, use, fingerprint, keyFingerprint);
    if (before !== undefined && now <= before.notAfter) {
      return { kind: 'repeated', certificate: before, device: deviceId };
    }
    if (!released) await refuseSpent(registry, device);
    refuseOtherGroup(manufacturer, device, use);
  }

  // One device asks for one thing at a time, or it could fill the queue by itself: its newest key is what counts.
  const credential: CredentialName = `factory:${fingerprint}`;
  const latest = await registry.latestRequest(credential, now);
  refuseDenied(latest);
  const same = latest?.keyFingerprint === keyFingerprint && latest.device === deviceId;
  const [open, outdated] = !isOpen(latest) ? [] : same ? [latest] : [undefined, latest];
  const factory = { manufacturer: manufacturer.name, certificate: fingerprint };
  return { kind: 'entitled', credential, factory, deviceId, device, group, open, outdated };
}

/** The certificate that the same factory certificate got for the same key, if it still stands. */
async function givenBefore(
  registry: RegistryReader,
  use: FactoryUseRecord | undefined,
  factoryCertificate: Fingerprint,
  keyFingerprint: Fingerprint,
): Promise<CertificateRecord | undefined> {
  if (use?.factoryCertificate !== factoryCertificate || use.keyFingerprint !== keyFingerprint)
    return undefined;
  const certificate = await registry.certificateBySerial(use.serialNumber);
  return certificate?.status === 'active' ? certificate : undefined;
}

/** Once, whoever enrolled it before, and by what. */
async function refuseSpent(registry: RegistryReader, device: DeviceRecord): Promise<void> {
  if (await isPreRegistered(registry, device)) return;
  throw new GatehouseError('factory_identity_spent', `device ${quote(device.id)} is enrolled already`);
}

/**
 * It must be one of those that the manufacturer is there for, released or not: whoever releases a device names no
 * manufacturer. One that enrolled by this manufacturer before is, in whichever group an operator has put it since.
 */
function refuseOtherGroup(
  { name, group }: ManufacturerRecord,
  device: DeviceRecord,
  use: FactoryUseRecord | undefined,
): void {
  if (group === null || device.group === group || use?.manufacturer === name) return;
  const detail = `manufacturer ${name} is for group ${group}; device ${quote(device.id)} is in ${device.group}`;
  throw new GatehouseError('device_group_mismatch', detail);
}

function groupFor(
  { name, admit, group }: ManufacturerRecord,
  id: DeviceId,
  device: DeviceRecord | undefined,
): EntityName {
  if (device !== undefined) return device.group;
  if (admit === 'listed' || group === null) {
    throw new GatehouseError('device_not_listed', `device ${quote(id)} of ${name} was not imported`);
  }
  return group;
}
