/**
 * What the broker, which cannot write the registry, tells enroll: a line of JSON for each report. Enroll trusts none of
 * it further than it has to: each is checked by its form here, and by the registry where it is acted on. What is lost of
 * it does no harm.
 */
import { z } from 'zod';
import { isErrorCode } from '../../core/errors.ts';
import { type Fingerprint, isDeviceId, parseFingerprint } from '../../core/ids.ts';
import {
  type DeviceRefusal,
  MAX_TEXT_SHOWN,
  MAX_TOPIC_SHOWN,
  type RefusedClaim,
  type RefusedStranger,
  refusedActions,
} from '../../core/observations/refusal.ts';
import type { BrokerRun, SightingRecord } from '../observations.ts';

export type Report =
  /** The run that the reports after it are of. */
  | ({ readonly kind: 'run' } & BrokerRun)
  /** A certificate that renews another one was used for the first time. */
  | { readonly kind: 'firstUse'; readonly fingerprint: Fingerprint; readonly time: number }
  | ({ readonly kind: 'sighting' } & SightingRecord)
  | ({ readonly kind: 'refusal' } & DeviceRefusal)
  | ({ readonly kind: 'claim' } & RefusedClaim)
  | ({ readonly kind: 'stranger' } & RefusedStranger);

/** The last millisecond that a Date can hold. */
const MAX_TIME = 8_640_000_000_000_000;
const MAX_COUNT = 1_000_000_000;

const time = z.int().min(0).max(MAX_TIME);
const text = z.string().max(MAX_TEXT_SHOWN);
const device = z.string().refine(isDeviceId);
const counted = {
  action: z.enum(refusedActions),
  rule: z.string().refine(isErrorCode),
  topic: z.string().max(MAX_TOPIC_SHOWN).nullable(),
  detail: text,
  serialNumber: text.nullable(),
  clientId: text.nullable(),
  address: text,
  count: z.int().min(1).max(MAX_COUNT),
  firstAt: time,
  lastAt: time,
};
const schema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('run'), startedAt: time, lastAt: time, endedAt: time.nullable() }),
  z.strictObject({
    kind: z.literal('firstUse'),
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .transform(parseFingerprint),
    time,
  }),
  z.strictObject({
    kind: z.literal('sighting'),
    device,
    run: time,
    connectedAt: time,
    disconnectedAt: time.nullable(),
    reason: text.nullable(),
    sessions: z.int().min(0).max(1_000),
    clientId: text,
    address: text,
    tlsVersion: text.nullable(),
    serialNumber: text,
  }),
  z.strictObject({ kind: z.literal('refusal'), device, ...counted }),
  z.strictObject({ kind: z.literal('claim'), claimed: device, ...counted }),
  z.strictObject({ kind: z.literal('stranger'), ...counted }),
]);

/** Undefined where the line is no report. */
export function parseReport(line: string): Report | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { data } = schema.safeParse(value);
  return data;
}
