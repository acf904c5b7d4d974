/** Certificate profiles: how long the certificates of a group are valid, and which keys they may have. */
import { z } from 'zod';
import { GatehouseError } from '../errors.ts';
import { type EntityName, parseEntityName } from '../ids.ts';
import { type KeyKind, keyKinds } from './public-key.ts';

/** As an operator writes it. Durations are seconds, or a number with s, m, h, d or y: `90d`. */
export interface ProfileDocument {
  readonly name: string;
  readonly description?: string | undefined;
  readonly validity: string | number;
  /** How far notBefore lies in the past, for devices whose clocks run behind; 60 s where absent. */
  readonly backdate?: string | number | undefined;
  /** All kinds where absent. */
  readonly keys?: readonly KeyKind[] | undefined;
  /** Whether Gatehouse may make a device's private key and send it to the device (EST's serverkeygen); no where absent. */
  readonly serverKeygen?: boolean | undefined;
}

/** A profile that was checked. Durations are milliseconds. */
export interface Profile {
  readonly name: EntityName;
  readonly validity: number;
  readonly backdate: number;
  readonly keys: readonly KeyKind[];
  readonly serverKeygen: boolean;
}

export const defaultProfile: ProfileDocument = {
  name: 'device',
  description: 'devices: 90 days, any accepted key',
  validity: '90d',
  backdate: '60s',
  keys: [...keyKinds],
};

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const unitLengths: Readonly<Record<string, number>> = {
  s: SECOND,
  m: 60 * SECOND,
  h: 3_600 * SECOND,
  d: DAY,
  y: 365 * DAY,
};
const MAX_VALIDITY = 100 * 365 * DAY;
const MAX_BACKDATE = DAY;

const duration = z
  .union([z.number(), z.string().regex(/^\d{1,9}[smhdy]$/)], {
    error: 'a duration such as "90d", or a number of seconds, belongs here',
  })
  .transform((value) =>
    typeof value === 'number'
      ? Math.round(value * SECOND)
      : Number.parseInt(value, 10) * (unitLengths[value.slice(-1)] ?? Number.NaN),
  );

const schema = z.strictObject({
  name: z.string(),
  description: z.string().max(500).optional(),
  validity: duration.pipe(z.number().min(SECOND, 'at least 1s').max(MAX_VALIDITY, 'at most 100y')),
  backdate: duration
    .pipe(z.number().min(0, 'not negative').max(MAX_BACKDATE, 'at most 1d'))
    .default(60 * SECOND),
  keys: z
    .array(z.enum(keyKinds))
    .min(1)
    .default([...keyKinds]),
  serverKeygen: z.boolean().default(false),
});

/**
 * @param document a `ProfileDocument`, not known to be one
 * @throws GatehouseError `profile_invalid`, naming the field; `name_invalid`
 */
export function parseProfile(document: unknown): Profile {
  const result = schema.safeParse(document);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = issue?.path.join('.') ?? '';
    throw new GatehouseError('profile_invalid', `${field === '' ? '' : `${field}: `}${issue?.message}`);
  }
  const { name, validity, backdate, keys, serverKeygen } = result.data;
  return { name: parseEntityName(name), validity, backdate, keys, serverKeygen };
}
