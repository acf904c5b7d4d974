/**
 * Everything that can change in a registry, as one union. An event is at once a line of the audit log and a
 * message to the brokers that tail it, so its data holds what either needs and never a secret.
 */
import type { Approval } from '../enrollment/approval.ts';
import type { DeviceEntry } from '../enrollment/device-entry.ts';
import type { FactoryAdmission, NamingRule } from '../enrollment/factory-rule.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../ids.ts';
import type { RevocationReason } from '../pki/revocation-reason.ts';

interface EventShape<Action extends string, Subject extends string, Data extends object> {
  readonly action: Action;
  readonly subject: Subject;
  readonly data: Data;
}

/** Some of what an import did to the devices of one group: rows stay small, so that nobody who reads them stalls. */
interface DeviceBatch {
  readonly count: number;
  readonly devices: readonly Omit<DeviceEntry, 'group'>[];
}

/** What became of one device, among many: the certificates that it changed with. */
interface ChangedDevice {
  readonly id: DeviceId;
  readonly serialNumbers: readonly SerialNumber[];
}

/** Some of the devices of one group. */
interface ChangedDevices {
  readonly count: number;
  readonly devices: readonly ChangedDevice[];
}

interface Issued {
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly issuer: Fingerprint;
  readonly notAfter: number;
}

/** Rows have one or the other; those written before there were factory certificates have a token. */
export type EnrolledBy =
  | { readonly token: string }
  | { readonly manufacturer: EntityName; readonly factoryCertificate: Fingerprint };

export type JournalEvent =
  | EventShape<
      'device.enrolled',
      DeviceId,
      Issued & {
        readonly group: EntityName;
        readonly superseded: readonly SerialNumber[];
        /** There where Gatehouse made the private key; absent where the device did. */
        readonly keyFrom?: 'server';
        /** The request that an operator approved; absent where none was needed. */
        readonly request?: number;
      } & EnrolledBy
    >
  | EventShape<'device.renewed', DeviceId, Issued & { readonly renews: SerialNumber }>
  /** A certificate took the place of others: it was first used, or it replaced one that nobody ever used. */
  | EventShape<
      'certificate.superseded',
      DeviceId,
      { readonly serialNumbers: readonly SerialNumber[]; readonly by: SerialNumber }
    >
  | EventShape<
      'device.revoked',
      DeviceId,
      { readonly reason: RevocationReason; readonly serialNumbers: readonly SerialNumber[] }
    >
  | EventShape<'device.suspended', DeviceId, { readonly serialNumbers: readonly SerialNumber[] }>
  | EventShape<'device.resumed', DeviceId, { readonly serialNumbers: readonly SerialNumber[] }>
  /** Many at once, by group or by a list of their IDs: all rows of one such change are of one transaction. */
  | EventShape<'devices.revoked', EntityName, ChangedDevices & { readonly reason: RevocationReason }>
  | EventShape<'devices.suspended', EntityName, ChangedDevices>
  | EventShape<'devices.resumed', EntityName, ChangedDevices>
  /** An operator lets it enroll anew; what it had stays revoked. `released`: by its factory certificate too. */
  | EventShape<'device.reinstated', DeviceId, { readonly released: boolean }>
  /** Certificates of one issuer, and not the devices that have them. */
  | EventShape<
      'certificates.revoked',
      Fingerprint,
      {
        readonly reason: RevocationReason;
        readonly count: number;
        readonly certificates: readonly {
          readonly serialNumber: SerialNumber;
          /** Null for one of Gatehouse's own listeners. */
          readonly device: DeviceId | null;
        }[];
      }
    >
  /** They were revoked before, for less. The date of their revocation stays. */
  | EventShape<
      'revocations.raised',
      Fingerprint,
      {
        readonly reason: RevocationReason;
        readonly count: number;
        readonly certificates: readonly {
          readonly serialNumber: SerialNumber;
          readonly device: DeviceId | null;
        }[];
      }
    >
  | EventShape<
      'device.changed',
      DeviceId,
      { readonly group: EntityName; readonly attributes: Readonly<Record<string, string>> }
    >
  /** Made known by an operator, before it enrolls. */
  | EventShape<'device.created', DeviceId, Omit<DeviceEntry, 'id'>>
  | EventShape<'devices.imported', EntityName, DeviceBatch>
  /** Group or attributes of devices that were there before; the subject is the group that they are in now. */
  | EventShape<'devices.changed', EntityName, DeviceBatch>
  /** It may enroll by its factory certificate once more. */
  | EventShape<'device.released', DeviceId, Record<string, never>>
  | EventShape<'server.issued', string, Issued>
  | EventShape<
      'token.created',
      string,
      {
        readonly group: EntityName;
        readonly device: string | null;
        readonly maxUses: number;
        readonly expiresAt: number;
      }
    >
  | EventShape<'token.revoked', string, Record<string, never>>
  | EventShape<
      'group.applied',
      EntityName,
      {
        readonly profile: EntityName;
        readonly policy: EntityName;
        readonly renewalGrace: number;
        /** Absent in rows from before there were approvals: none. */
        readonly approval?: Approval;
      }
    >
  /** Added, or put in the place of the one of its name. */
  | EventShape<
      'manufacturer.added',
      EntityName,
      NamingRule & {
        readonly group: EntityName | null;
        readonly admit: FactoryAdmission;
        /** Of the CA certificates that factory certificates must lead to. */
        readonly anchors: readonly Fingerprint[];
      }
    >
  | EventShape<'manufacturer.removed', EntityName, Record<string, never>>
  | EventShape<
      'request.created',
      DeviceId,
      {
        readonly request: number;
        readonly group: EntityName;
        readonly keyFingerprint: Fingerprint;
      } & EnrolledBy
    >
  | EventShape<'request.approved', DeviceId, { readonly request: number }>
  | EventShape<'request.denied', DeviceId, { readonly request: number; readonly reason: string }>
  /** Nobody decided in time, the approval was not fetched in time, or the device asked with another key. */
  | EventShape<'request.lapsed', DeviceId, { readonly request: number }>
  | EventShape<'policy.applied', EntityName, { readonly document: string }>
  | EventShape<'profile.applied', EntityName, { readonly document: string }>
  | EventShape<'issuer.added', Fingerprint, { readonly subject: string; readonly serialNumber: SerialNumber }>
  /** It still stands behind what it issued; new certificates come from `by`. */
  | EventShape<'issuer.retiring', Fingerprint, { readonly by: Fingerprint }>
  /** Nothing that it issued counts any more. `lockedOut` devices had nothing else. */
  | EventShape<'issuer.retired', Fingerprint, { readonly lockedOut: number }>
  /** In a root rollover: one root's key, certified by another root. */
  | EventShape<
      'cross.issued',
      Fingerprint,
      {
        readonly kind: 'oldWithNew' | 'newWithOld';
        readonly serialNumber: SerialNumber;
        readonly certified: Fingerprint;
        readonly issuer: Fingerprint;
      }
    >
  | EventShape<'operator.created', EntityName, { readonly role: string }>
  | EventShape<'operator.removed', EntityName, Record<string, never>>
  | EventShape<'key.blocked', Fingerprint, { readonly note: string }>
  /** Some of an imported list. */
  | EventShape<
      'keys.blocked',
      'block-list',
      {
        readonly count: number;
        readonly keys: readonly { readonly fingerprint: Fingerprint; readonly note: string }[];
      }
    >
  | EventShape<'key.unblocked', Fingerprint, Record<string, never>>
  /** A number that was given out. If a list came of it, it is the number of all that were built with it. */
  | EventShape<'crl.issued', Fingerprint, { readonly number: string }>
  /** From now on, its certificates may name one of so many lists instead of the full one. */
  | EventShape<'crl.sharded', Fingerprint, { readonly shards: number }>
  /** What had ended by then (ms) left the registry: how much. */
  | EventShape<
      'registry.pruned',
      'registry',
      {
        readonly endedBefore: number;
        readonly certificates: number;
        readonly tokens: number;
        readonly tokenUses: number;
        readonly requests: number;
      }
    >
  /** These rows are in the file of that name, with that SHA-256, and leave the registry. */
  | EventShape<
      'journal.archived',
      string,
      {
        readonly firstSeq: number;
        readonly lastSeq: number;
        readonly lastHash: string;
        readonly sha256: string;
      }
    >;

/** Who did it: `operator:NAME`, `token:ID`, `device:ID`, or `system`. */
export type Actor = `operator:${string}` | `token:${string}` | `device:${string}` | 'system';

/** One row of the journal as stored. `hash` covers every other field, `previousHash` chains it to the row before. */
export interface JournalRow {
  /** 1, 2, 3 … without a gap. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly actor: Actor;
  readonly event: JournalEvent;
  /** Hex SHA-256; 64 zeros in the first row. */
  readonly previousHash: string;
  readonly hash: string;
}
