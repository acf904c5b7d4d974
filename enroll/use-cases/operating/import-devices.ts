/**
 * Devices that operators make known before they enroll: an allow-list. Such a device has its group and attributes,
 * and no certificate yet. One by one, or a file of them: all or nothing.
 */
import type { ImportResult } from '../../../core/api/import.ts';
import { type DeviceEntry, isSameEntry, parseDeviceEntry } from '../../../core/enrollment/device-entry.ts';
import { GatehouseError } from '../../../core/errors.ts';
import { type DeviceId, type EntityName, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import { JournalBatches } from '../../bulk/journal-batches.ts';
import { LineErrors } from '../../bulk/line-errors.ts';
import { type Numbered, readEntries } from '../../bulk/read-entries.ts';
import { type OnWritten, writeEntries } from '../../bulk/write-entries.ts';
import type { EnrollContext } from '../../context.ts';
import { groupOrRefuse } from '../look-ups.ts';

type Verdict = Exclude<keyof ImportResult, 'dryRun'>;

export interface ImportTerms {
  /** Whether group and attributes of devices that are there already may change. Those of revoked ones never do. */
  readonly update: boolean;
}

export interface CheckedDevices {
  readonly entries: readonly Numbered<DeviceEntry>[];
  /** What an import would do. */
  readonly counts: Readonly<Record<Verdict, number>>;
}

/** Step 1: reads and checks it whole, and writes nothing. @throws LinesRefused @throws GatehouseError `list_too_large`, `body_invalid` */
export async function checkDevices(
  { registry }: Pick<EnrollContext, 'registry'>,
  body: AsyncIterable<Uint8Array>,
  terms: ImportTerms,
): Promise<CheckedDevices> {
  const judge = createJudge(registry, terms);
  const errors = new LineErrors();
  const counts = { imported: 0, unchanged: 0, updated: 0 };
  const lineOf = new Map<DeviceId, number>();
  const entries = await readEntries(body, errors, async (value, line) => {
    const entry = parseDeviceEntry(value);
    const before = lineOf.get(entry.id);
    if (before !== undefined) {
      throw new GatehouseError('device_repeated', `${quote(entry.id)} stands in line ${before} already`);
    }
    lineOf.set(entry.id, line);
    counts[await judge(entry)] += 1;
    return entry;
  });
  errors.refuse();
  return { entries, counts };
}

/** Step 2: checks again and writes, in one transaction. @throws LinesRefused where something has changed in between */
export function writeDevices(
  { registry, clock }: Pick<EnrollContext, 'registry' | 'clock'>,
  actor: Actor,
  { entries }: Pick<CheckedDevices, 'entries'>,
  terms: ImportTerms & { readonly onWritten: OnWritten },
): Promise<CheckedDevices['counts']> {
  return registry.write(actor, async (transaction) => {
    const now = clock.now();
    const judge = createJudge(transaction, terms);
    const counts = { imported: 0, unchanged: 0, updated: 0 };
    const journal = {
      imported: batchesOf(transaction, 'devices.imported'),
      updated: batchesOf(transaction, 'devices.changed'),
    };
    await writeEntries(transaction, entries, terms.onWritten, async (entry) => {
      const verdict = await judge(entry);
      counts[verdict] += 1;
      if (verdict === 'unchanged') return;
      const { id, group, attributes } = entry;
      if (verdict === 'imported') await insert(transaction, entry, now);
      else await transaction.updateDevice(id, { group, attributes });
      await journal[verdict].add(group, { id, attributes });
    });
    await journal.imported.end();
    await journal.updated.end();
    return counts;
  });
}

/** Just one. It may be there already, just so. @throws GatehouseError `device_exists`, `device_revoked`, `group_unknown` */
export function createDevice(
  { registry, clock }: Pick<EnrollContext, 'registry' | 'clock'>,
  actor: Actor,
  entry: DeviceEntry,
): Promise<void> {
  return registry.write(actor, async (transaction) => {
    const verdict = await createJudge(transaction, { update: false })(entry);
    if ((await transaction.device(entry.id))?.status === 'revoked') throw revoked(entry);
    if (verdict === 'unchanged') return;
    await insert(transaction, entry, clock.now());
    const { id, ...data } = entry;
    await transaction.append({ action: 'device.created', subject: id, data });
  });
}

/**
 * What becomes of an entry, by the registry as it stands.
 * @throws (what is returned) GatehouseError `group_unknown`, `device_exists`, `device_revoked`
 */
function createJudge(registry: RegistryReader, { update }: ImportTerms) {
  const known = new Set<EntityName>();
  return async (entry: DeviceEntry): Promise<Verdict> => {
    const { id, group } = entry;
    if (!known.has(group)) {
      await groupOrRefuse(registry, group);
      known.add(group);
    }
    const device = await registry.device(id);
    if (device === undefined) return 'imported';
    if (isSameEntry(device, entry)) return 'unchanged';
    if (device.status === 'revoked') throw revoked(entry);
    if (update) return 'updated';
    throw new GatehouseError('device_exists', `device ${quote(id)} exists, ${difference(device, entry)}`);
  };
}

function revoked({ id }: DeviceEntry): GatehouseError {
  return new GatehouseError('device_revoked', `device ${quote(id)} is revoked`);
}

function difference(device: DeviceEntry, entry: DeviceEntry): string {
  return device.group === entry.group ? 'with other attributes' : `in group ${quote(device.group)}`;
}

function insert(
  transaction: RegistryTransaction,
  { id, group, attributes }: DeviceEntry,
  now: number,
): Promise<void> {
  return transaction.insertDevice({
    id,
    group,
    attributes,
    status: 'active',
    createdAt: now,
    changedAt: now,
  });
}

function batchesOf(transaction: RegistryTransaction, action: 'devices.imported' | 'devices.changed') {
  return new JournalBatches((subject: EntityName, devices: readonly Omit<DeviceEntry, 'group'>[]) =>
    transaction.append({ action, subject, data: { count: devices.length, devices } }),
  );
}
