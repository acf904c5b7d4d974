/**
 * Everything that can change in a registry, as one union. An event is at once a line of the audit log and a
 * message to the brokers that tail it, so its data holds what either needs and never a secret.
 */
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../ids.ts';
import type { RevocationReason } from '../pki/revocation-reason.ts';

interface EventShape<Action extends string, Subject extends string, Data extends object> {
  readonly action: Action;
  readonly subject: Subject;
  readonly data: Data;
}

interface Issued {
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly issuer: Fingerprint;
  readonly notAfter: number;
}

export type JournalEvent =
  | EventShape<
      'device.enrolled',
      DeviceId,
      Issued & {
        readonly group: EntityName;
        readonly token: string;
        readonly superseded: readonly SerialNumber[];
        /** There where Gatehouse made the private key; absent where the device did. */
        readonly keyFrom?: 'server';
      }
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
  | EventShape<
      'device.changed',
      DeviceId,
      { readonly group: EntityName; readonly attributes: Readonly<Record<string, string>> }
    >
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
      { readonly profile: EntityName; readonly policy: EntityName; readonly renewalGrace: number }
    >
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
  | EventShape<'crl.issued', Fingerprint, { readonly number: string }>;

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
