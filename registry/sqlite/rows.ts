/**
 * Rows as SQLite returns them, for the records that SQLite cannot hold as they are: attributes and events are
 * JSON text, and a CRL number is text on the way out because JavaScript's numbers are too short for it.
 */
import { GatehouseError } from '../../core/errors.ts';
import { canonicalJson } from '../../core/journal/canonical-json.ts';
import type { JournalEvent, JournalRow } from '../../core/journal/events.ts';
import type { RevocationReason } from '../../core/pki/revocation-reason.ts';
import type { Admission, CertificateStatus, CrlRecord, DeviceRecord, KeptCrl } from '../records.ts';

export type DeviceRow = Omit<DeviceRecord, 'attributes'> & { readonly attributes: string };
/** When it enrolled, and was revoked, is told apart from the rest (`enrolledAt` and `revokedSeq` of the port). */
export type StoredDeviceRow = DeviceRow & {
  readonly enrolledAt: number | null;
  readonly revokedSeq: number | null;
};
/** With the number as text. */
export type CrlRow<Record extends CrlRecord | KeptCrl> = Omit<Record, 'number'> & { readonly number: string };
export type StoredJournalRow = Omit<JournalRow, 'event'> & { readonly event: string };

/** What a certificate that stands no more is listed with where nobody said why (RFC 5280 §5.3.1). */
export const USUAL_REASON = {
  revoked: 'unspecified',
  suspended: 'certificateHold',
  superseded: 'superseded',
} as const satisfies Record<Exclude<CertificateStatus, 'active'>, RevocationReason>;

/** One row of a join, by table. */
export interface AdmissionRow {
  readonly certificates: Admission['certificate'];
  readonly devices: Pick<StoredDeviceRow, 'id' | 'group' | 'status' | 'attributes' | 'revokedSeq'>;
  readonly issuers: Admission['issuer'];
  readonly policies: Admission['policy'];
  /** Of no table. */
  readonly $: { readonly seq: number | null };
}

export function toDevice({ enrolledAt, revokedSeq, ...row }: StoredDeviceRow): DeviceRecord {
  return { ...row, attributes: JSON.parse(row.attributes) };
}

export function fromDevice(device: DeviceRecord): DeviceRow {
  return { ...device, attributes: JSON.stringify(device.attributes) };
}

export function toCrl(row: CrlRow<CrlRecord>): CrlRecord {
  return { ...row, number: BigInt(row.number) };
}

export function toKeptCrl(row: CrlRow<KeptCrl>): KeptCrl {
  return { ...row, number: BigInt(row.number) };
}

export function toAdmission({ certificates, devices, issuers, policies, $ }: AdmissionRow): Admission {
  const { revokedSeq, attributes, ...device } = devices;
  return {
    certificate: certificates,
    device: { ...device, attributes: JSON.parse(attributes) },
    issuer: issuers,
    policy: policies,
    seq: $.seq ?? 0,
    revokedSeq,
  };
}

export function fromJournalRow(row: JournalRow): StoredJournalRow {
  return { ...row, event: canonicalJson(row.event) };
}

/** @throws GatehouseError `journal_broken` where the event is not the very text that `fromJournalRow` makes */
export function toJournalRow(row: StoredJournalRow): JournalRow {
  const event = parseEvent(row.event);
  if (event === undefined) {
    throw new GatehouseError('journal_broken', `journal row ${row.seq} was changed: its event is malformed`);
  }
  return { ...row, event };
}

/** A repeated key or other white space would parse to an event whose hash still fits: an edit all the same. */
function parseEvent(text: string): JournalEvent | undefined {
  try {
    const event: JournalEvent = JSON.parse(text);
    return canonicalJson(event) === text ? event : undefined;
  } catch {
    return undefined;
  }
}
