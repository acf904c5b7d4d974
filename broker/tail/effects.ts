/**
 * What each event of the journal means for the sessions of this broker. A session that the registry has admitted since
 * is none of an earlier row's business: the device may be back with a new certificate before a row is read.
 */
import type { ErrorCode } from '../../core/errors.ts';
import type { DeviceId, SerialNumber } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { DocumentRecord } from '../../registry/records.ts';
import type { Rebinding } from '../authorization/rebinding.ts';
import type { StoredSubscriptions } from '../authorization/stored-subscriptions.ts';
import type { Connection } from '../sessions/connection.ts';
import type { Cut, CutOff } from '../sessions/cut-off.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { Revocations } from '../sessions/revocations.ts';
import type { JournalTailOptions } from './journal-tail.ts';

export interface EffectsOptions {
  readonly live: LiveTable;
  readonly cutOff: CutOff;
  readonly revocations: Revocations;
  readonly rebinding: Rebinding;
  readonly subscriptions: StoredSubscriptions;
  readonly onPolicyApplied: (policy: Pick<DocumentRecord, 'name' | 'document'>) => void;
  /** The CA certificates in use have changed. */
  readonly reloadTrust: () => Promise<void>;
}

/** Any of them may be applied to a row twice. */
export function createEffects(
  options: EffectsOptions,
): Pick<JournalTailOptions, 'cut' | 'apply' | 'onCaughtUp'> {
  const { live, cutOff, revocations, rebinding, subscriptions } = options;
  const { onPolicyApplied, reloadTrust } = options;
  return {
    /** All at once: what takes long is done for none before the last has ended. */
    async cut(rows: readonly JournalRow[]): Promise<void> {
      await cutOff.cutEach(rows.flatMap((row) => cutsOf(row, live)));
    },

    async apply(row: JournalRow): Promise<void> {
      const { event, time, seq } = row;
      switch (event.action) {
        case 'device.revoked':
        case 'devices.revoked':
          return revocations.apply(
            changedBy(row).map(({ id }) => id),
            seq,
          );
        case 'device.changed':
          live.noteChange();
          await rebinding.device(event.subject, time);
          return subscriptions.device(event.subject);
        case 'devices.changed':
          live.noteChange();
          for (const { id } of event.data.devices) {
            if (live.of(id).length > 0) await rebinding.device(id, time);
            subscriptions.device(id);
          }
          return;
        case 'group.applied':
          live.noteChange();
          await rebinding.group(event.subject, time);
          return subscriptions.group(event.subject);
        case 'policy.applied':
          live.noteChange();
          onPolicyApplied({ name: event.subject, document: event.data.document });
          await rebinding.policy(event.subject, time);
          return subscriptions.policy(event.subject);
        case 'issuer.added':
        case 'issuer.retired':
          return reloadTrust();
        default: // concerns nobody who is connected
      }
    },

    onCaughtUp: (place) => void revocations.noteApplied(place),
  };
}

/** The connections that this row ends. Those that only arrive are asked about anew where it does not name their certificate. */
function cutsOf(row: JournalRow, live: LiveTable): readonly Cut[] {
  const { event, time: since, seq } = row;
  const cuts = (connections: readonly Connection[], rule: ErrorCode) =>
    connections
      .filter(({ standing }) => standing === null || standing.seq < seq)
      .map((connection) => ({ connection, rule, since }));
  const devices = (rule: ErrorCode) => {
    live.noteChange();
    return changedBy(row).flatMap(({ id, serialNumbers }) =>
      cuts(
        live.openOf(id).filter(({ standing, peer }) => standing || serialNumbers.includes(peer.serialNumber)),
        rule,
      ),
    );
  };
  const certificates = (named: readonly Named[], rule: ErrorCode) =>
    named.flatMap(({ device, serialNumber }) =>
      cuts(
        device === null ? [] : live.openOf(device).filter(({ peer }) => peer.serialNumber === serialNumber),
        rule,
      ),
    );
  const superseded = (device: DeviceId, serialNumbers: readonly SerialNumber[]) =>
    certificates(
      serialNumbers.map((serialNumber) => ({ serialNumber, device })),
      'certificate_superseded',
    );

  switch (event.action) {
    case 'device.revoked':
    case 'devices.revoked':
      return devices('device_revoked');
    // Who is suspended may come back: its sessions and what waits in them are kept, and reach nobody until then.
    case 'device.suspended':
    case 'devices.suspended':
      return devices('device_suspended');
    // The device may come back with another certificate, and its sessions are kept for it.
    case 'certificates.revoked':
      return certificates(event.data.certificates, 'certificate_revoked');
    case 'issuer.retired':
      live.noteChange();
      return cuts(
        live.allOpen().filter(({ standing }) => standing?.issuer === event.subject),
        'issuer_retired',
      );
    case 'device.enrolled':
      return superseded(event.subject, event.data.superseded);
    // The device has taken its session ids over with the new certificate: what is left are connections it forgot.
    case 'certificate.superseded':
      return superseded(event.subject, event.data.serialNumbers);
    default: // ends nobody's right to be here
      return [];
  }
}

interface Named {
  readonly serialNumber: SerialNumber;
  readonly device: DeviceId | null;
}

interface Changed {
  readonly id: DeviceId;
  readonly serialNumbers: readonly SerialNumber[];
}

/** The devices that are revoked or suspended, one or many. */
function changedBy({ event }: JournalRow): readonly Changed[] {
  switch (event.action) {
    case 'device.revoked':
    case 'device.suspended':
      return [{ id: event.subject, serialNumbers: event.data.serialNumbers }];
    case 'devices.revoked':
    case 'devices.suspended':
      return event.data.devices;
    default:
      return [];
  }
}
