/**
 * What an operator does to a device: revoke, suspend, resume, move. Each is one transaction with its journal
 * row, and doing it twice is the same as doing it once, so that a command whose answer was lost can be repeated.
 */
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { RevocationReason } from '../../../core/pki/revocation-reason.ts';
import type { RegistryTransaction } from '../../../registry/port.ts';
import type { CertificateStatus, DeviceRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { deviceOrRefuse, groupOrRefuse } from '../look-ups.ts';

/** For good: every certificate of the device that is not past its time anyhow is revoked, and its ID cannot be enrolled again. */
export function revokeDevice(
  { registry, clock }: EnrollContext,
  actor: Actor,
  id: DeviceId,
  reason: RevocationReason,
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const device = await deviceOrRefuse(transaction, id);
    if (device.status === 'revoked') return;
    const now = clock.now();
    const revocable = await transaction.revocableCertificates(id, now);
    const serialNumbers = revocable.map(({ serialNumber }) => serialNumber);
    await transaction.updateDevice(id, { status: 'revoked' });
    await transaction.setCertificateStatus(serialNumbers, 'revoked', now, reason);
    await transaction.append({ action: 'device.revoked', subject: id, data: { reason, serialNumbers } });
  });
}

/** For now: `resumeDevice` takes it back. @throws GatehouseError `device_revoked` */
export function suspendDevice({ registry, clock }: EnrollContext, actor: Actor, id: DeviceId): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const device = await deviceOrRefuse(transaction, id);
    refuseRevoked(device);
    if (device.status === 'suspended') return;
    const now = clock.now();
    const serialNumbers = await serialNumbersWith(transaction, id, 'active', now);
    await transaction.updateDevice(id, { status: 'suspended' });
    await transaction.setCertificateStatus(serialNumbers, 'suspended', now, 'certificateHold');
    await transaction.append({ action: 'device.suspended', subject: id, data: { serialNumbers } });
  });
}

/** @throws GatehouseError `device_revoked` */
export function resumeDevice({ registry, clock }: EnrollContext, actor: Actor, id: DeviceId): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const device = await deviceOrRefuse(transaction, id);
    refuseRevoked(device);
    if (device.status === 'active') return;
    const now = clock.now();
    const serialNumbers = await serialNumbersWith(transaction, id, 'suspended', now);
    await transaction.updateDevice(id, { status: 'active' });
    await transaction.setCertificateStatus(serialNumbers, 'active', now);
    await transaction.append({ action: 'device.resumed', subject: id, data: { serialNumbers } });
  });
}

/**
 * Lets the device enroll by its factory certificate once more, for a new owner or where its key was lost. What it has
 * stands until then. @throws GatehouseError `device_revoked`
 */
export function releaseDevice({ registry, clock }: EnrollContext, actor: Actor, id: DeviceId): Promise<void> {
  return registry.write(actor, async (transaction) => {
    refuseRevoked(await deviceOrRefuse(transaction, id));
    if ((await transaction.releasedAt(id)) !== undefined) return;
    await transaction.recordRelease(id, clock.now());
    await transaction.append({ action: 'device.released', subject: id, data: {} });
  });
}

/** Moves a device to another group, replaces its attributes, or both. @throws GatehouseError `group_unknown` */
export function changeDevice(
  { registry }: EnrollContext,
  actor: Actor,
  id: DeviceId,
  change: { readonly group?: EntityName; readonly attributes?: Readonly<Record<string, string>> },
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const device = await deviceOrRefuse(transaction, id);
    const { group = device.group, attributes = device.attributes } = change;
    await groupOrRefuse(transaction, group);
    await transaction.updateDevice(id, { group, attributes });
    await transaction.append({ action: 'device.changed', subject: id, data: { group, attributes } });
  });
}

function refuseRevoked(device: DeviceRecord): void {
  if (device.status === 'revoked') {
    throw new GatehouseError('device_revoked', `device ${quote(device.id)} is revoked`);
  }
}

async function serialNumbersWith(
  transaction: RegistryTransaction,
  id: DeviceId,
  wanted: CertificateStatus,
  now: number,
) {
  const certificates = await transaction.revocableCertificates(id, now);
  return certificates.filter(({ status }) => status === wanted).map(({ serialNumber }) => serialNumber);
}
