/**
 * What becomes of a device that an operator revokes, suspends or resumes, and of its certificates: planned over the
 * registry as it stands, and then written. A plan by itself is the dry run.
 */
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, quote, type SerialNumber } from '../../../core/ids.ts';
import { type FinalReason, raises } from '../../../core/pki/revocation-reason.ts';
import type { RegistryReader, RegistryTransaction } from '../../../registry/port.ts';
import type { CertificateRecord, DeviceRecord, DeviceStatus } from '../../../registry/records.ts';
import type { RaisedCertificate } from './raised-reasons.ts';

export type DeviceChange =
  /** For good: every certificate of the device that is not past its time anyhow goes with it. */
  | { readonly kind: 'revoke'; readonly reason: FinalReason }
  /** For now. */
  | { readonly kind: 'suspend' }
  | { readonly kind: 'resume' };

/** One device that changes. */
export interface PlannedDevice {
  readonly id: DeviceId;
  readonly group: EntityName;
  /** The certificates that change with it. */
  readonly serialNumbers: readonly SerialNumber[];
  /** Where it is revoked already: those of which only the reason changes. Empty otherwise. */
  readonly raised: readonly RaisedCertificate[];
}

interface Rule {
  readonly to: DeviceStatus;
  /** Of devices that it changes. */
  readonly from: readonly DeviceStatus[];
  readonly takes: (certificate: CertificateRecord) => boolean;
}

const rules: Readonly<Record<DeviceChange['kind'], Rule>> = {
  revoke: { to: 'revoked', from: ['active', 'suspended'], takes: () => true },
  suspend: { to: 'suspended', from: ['active'], takes: ({ status }) => status === 'active' },
  resume: { to: 'active', from: ['suspended'], takes: ({ status }) => status === 'suspended' },
};

/** The statuses of devices that such a change concerns: those of the others are so already, or stay. */
export function concernedBy({ kind }: DeviceChange): readonly DeviceStatus[] {
  return rules[kind].from;
}

/** Whether the device itself changes: not if it is so already. @throws GatehouseError `device_revoked` where it is, and something else is asked for */
export function changes({ id, status }: DeviceRecord, { kind }: DeviceChange): boolean {
  if (status === rules[kind].to) return false;
  if (status === 'revoked') throw new GatehouseError('device_revoked', `device ${quote(id)} is revoked`);
  return true;
}

/** Whether the device, or the reason of its revocation, changes. @throws GatehouseError `device_revoked` */
export async function concerns(
  registry: RegistryReader,
  device: DeviceRecord,
  change: DeviceChange,
  now: number,
): Promise<boolean> {
  return changes(device, change) || (await raisedBy(registry, device, change, now)).length > 0;
}

/** @returns undefined where nothing of it changes @throws GatehouseError `device_revoked` */
export async function planDevice(
  registry: RegistryReader,
  device: DeviceRecord,
  change: DeviceChange,
  now: number,
): Promise<PlannedDevice | undefined> {
  const { id, group } = device;
  if (!changes(device, change)) {
    const raised = await raisedBy(registry, device, change, now);
    const serialNumbers = raised.map(({ serialNumber }) => serialNumber);
    return raised.length === 0 ? undefined : { id, group, serialNumbers, raised };
  }
  const { takes } = rules[change.kind];
  const certificates = (await registry.revocableCertificates(id, now)).filter(takes);
  const serialNumbers = certificates.map(({ serialNumber }) => serialNumber);
  return { id, group, serialNumbers, raised: [] };
}

/** Of a device that is revoked: what others are to distrust for more than they have been told. */
async function raisedBy(
  registry: RegistryReader,
  { id }: DeviceRecord,
  change: DeviceChange,
  now: number,
): Promise<readonly RaisedCertificate[]> {
  if (change.kind !== 'revoke' || !raises(null, change.reason)) return [];
  return registry.raisableCertificates(id, now);
}

/** One that itself changes. Without its journal row, which it may share with others. */
export async function writeDevice(
  transaction: RegistryTransaction,
  { id, serialNumbers }: PlannedDevice,
  change: DeviceChange,
  now: number,
): Promise<void> {
  await transaction.updateDevice(id, { status: rules[change.kind].to });
  switch (change.kind) {
    case 'revoke':
      return transaction.setCertificateStatus(serialNumbers, 'revoked', now, change.reason);
    case 'suspend':
      return transaction.setCertificateStatus(serialNumbers, 'suspended', now, 'certificateHold');
    case 'resume':
      return transaction.setCertificateStatus(serialNumbers, 'active', now);
  }
}
