/**
 * What becomes of a device that an operator revokes, suspends, resumes, reinstates or releases, and of its certificates:
 * planned over the registry as it stands, and then written. A plan by itself is the dry run.
 */
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, quote, type SerialNumber } from '../../../core/ids.ts';
import { type FinalReason, raises } from '../../../core/pki/revocation-reason.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord, DeviceRecord, DeviceStatus } from '../../../registry/records.ts';
import type { RaisedCertificate } from './raised-reasons.ts';

/** What a whole group can be told. */
export type GroupAction =
  /** For good: every certificate of the device that is not past its time anyhow goes with it. */
  | { readonly kind: 'revoke'; readonly reason: FinalReason }
  /** For now. */
  | { readonly kind: 'suspend' }
  | { readonly kind: 'resume' };

export type DeviceAction =
  | GroupAction
  /** The one way back for a revoked device: it may enroll anew, and what it had stays revoked. */
  | { readonly kind: 'reinstate' }
  /** It may enroll by its factory certificate once more, for a new owner or where its key was lost; what it has stands until then. */
  | { readonly kind: 'release' };

/** One device that changes. */
export interface PlannedDevice {
  readonly id: DeviceId;
  readonly group: EntityName;
  /** From then on. */
  readonly status: DeviceStatus;
  /** Whether it changes itself, and is not only told of with more. */
  readonly changes: boolean;
  /** The certificates that change with it. */
  readonly serialNumbers: readonly SerialNumber[];
  /** Those that are revoked already, of which only the reason changes. */
  readonly raised: readonly RevokedBefore[];
  /** Whether it may enroll by its factory certificate once more. */
  readonly released: boolean;
}

/** With the reason that it was revoked for, and is about to lose. */
type RevokedBefore = RaisedCertificate & Pick<CertificateRecord, 'reason'>;

interface Rule {
  /** Null where the status stays. */
  readonly to: DeviceStatus | null;
  /** Of devices that it changes. */
  readonly from: readonly DeviceStatus[];
  readonly takes: (certificate: CertificateRecord) => boolean;
}

const rules: Readonly<Record<DeviceAction['kind'], Rule>> = {
  revoke: { to: 'revoked', from: ['active', 'suspended'], takes: () => true },
  suspend: { to: 'suspended', from: ['active'], takes: ({ status }) => status === 'active' },
  resume: { to: 'active', from: ['suspended'], takes: ({ status }) => status === 'suspended' },
  reinstate: { to: 'active', from: ['revoked'], takes: () => false },
  release: { to: null, from: ['active', 'suspended'], takes: () => false },
};

/**
 * The statuses of devices that such a change may concern: those of the others are so already, or stay. The revoked ones
 * come first, of which reasons may change alone: later they would be met with those that become it.
 */
export function concernedBy(change: DeviceAction): readonly DeviceStatus[] {
  const { from } = rules[change.kind];
  return raisesReasons(change) ? ['revoked', ...from] : from;
}

/**
 * Whether the device itself changes: not if it is so already.
 * @throws GatehouseError `device_revoked`, `device_suspended` where it is, and what is asked for is nothing for such a device
 */
export async function changes(
  registry: RegistryReader,
  { id, status }: DeviceRecord,
  { kind }: DeviceAction,
): Promise<boolean> {
  const { to, from } = rules[kind];
  if (status === to) return false;
  if (from.includes(status)) return kind !== 'release' || (await registry.releasedAt(id)) === undefined;
  if (status === 'revoked') throw new GatehouseError('device_revoked', `device ${quote(id)} is revoked`);
  throw new GatehouseError('device_suspended', `device ${quote(id)} is suspended, and not revoked`);
}

/** Whether the device, or the reason of its revocation, changes. @throws GatehouseError as `changes` */
export async function concerns(
  registry: RegistryReader,
  device: DeviceRecord,
  change: DeviceAction,
  now: number,
): Promise<boolean> {
  return (
    (await changes(registry, device, change)) || (await raisedBy(registry, device, change, now)).length > 0
  );
}

/** @returns undefined where nothing of it changes @throws GatehouseError as `changes` */
export async function planDevice(
  registry: RegistryReader,
  device: DeviceRecord,
  change: DeviceAction,
  now: number,
): Promise<PlannedDevice | undefined> {
  const { id, group } = device;
  const raised = await raisedBy(registry, device, change, now);
  if (!(await changes(registry, device, change))) {
    if (raised.length === 0) return undefined;
    return { id, group, status: device.status, changes: false, serialNumbers: [], raised, released: false };
  }
  const { to, takes } = rules[change.kind];
  const certificates = (await registry.revocableCertificates(id, now)).filter(takes);
  return {
    id,
    group,
    status: to ?? device.status,
    changes: true,
    serialNumbers: certificates.map(({ serialNumber }) => serialNumber),
    raised,
    released: await releases(registry, id, change),
  };
}

/** All certificates of which something changes. */
export function changing({ serialNumbers, raised }: PlannedDevice): readonly SerialNumber[] {
  return [...serialNumbers, ...raised.map(({ serialNumber }) => serialNumber)];
}

/** What was revoked before, and others are to distrust for more than they have been told. */
async function raisedBy(
  registry: RegistryReader,
  { id }: DeviceRecord,
  change: DeviceAction,
  now: number,
): Promise<readonly RevokedBefore[]> {
  return raisesReasons(change) ? registry.raisableCertificates(id, now) : [];
}

function raisesReasons(change: DeviceAction): boolean {
  return change.kind === 'revoke' && raises(null, change.reason);
}

/** A device that enrolled by its factory certificate has nothing else to come back by. */
async function releases(registry: RegistryReader, id: DeviceId, { kind }: DeviceAction): Promise<boolean> {
  return kind === 'release' || (kind === 'reinstate' && (await registry.factoryUse(id)) !== undefined);
}

/** One that itself changes. Without its journal row, which it may share with others. */
export async function writeDevice(
  transaction: RegistryTransaction,
  { id, status, serialNumbers, released }: PlannedDevice,
  change: DeviceAction,
  now: number,
): Promise<void> {
  if (released) await transaction.recordRelease(id, now);
  switch (change.kind) {
    case 'revoke':
      await transaction.updateDevice(id, { status });
      return transaction.setCertificateStatus(serialNumbers, 'revoked', now, change.reason);
    case 'suspend':
      await transaction.updateDevice(id, { status });
      return transaction.setCertificateStatus(serialNumbers, 'suspended', now, 'certificateHold');
    case 'resume':
      await transaction.updateDevice(id, { status });
      return transaction.setCertificateStatus(serialNumbers, 'active', now);
    case 'reinstate':
      return transaction.reinstateDevice(id);
    case 'release':
      return;
  }
}
