/** What a profile document may say: its fields, their forms and bounds, and what stands for a field that is absent. */
import { z } from 'zod';
import { durationSchema } from '../duration-schema.ts';
import { quote } from '../ids.ts';
import { templateProblem } from '../template.ts';
import { alternativeFields, subjectFields } from './name-forms.ts';
import { keyKinds } from './public-key.ts';
import { DEFAULT_RENEWAL } from './renewal.ts';

/**
 * What a device's certificate may be used for (RFC 5280 §4.2.1.12). No others by intent: with OCSPSigning a device
 * could answer for the CA, with anyExtendedKeyUsage too, and code or times are not a device's to sign.
 */
export const devicePurposes = ['clientAuth', 'serverAuth'] as const;
export type DevicePurpose = (typeof devicePurposes)[number];

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const MAX_VALIDITY = 100 * 365 * DAY;
const MAX_BACKDATE = DAY;
const MAX_TEMPLATE = 255;
/** A certificate goes over the air with each handshake. */
const MAX_ALTERNATIVE_NAMES = 8;

/** Beyond 90 % a device would have no time to try again; below 10 % it would do little else. */
const partOfLife = z
  .string('a part such as "50%" belongs here')
  .regex(/^(?:[1-8]\d|90)%$/, 'a part of the life from "10%" to "90%" belongs here')
  .transform((text) => Number.parseInt(text, 10) / 100);

const template = z
  .string()
  .min(1)
  .max(MAX_TEMPLATE)
  .superRefine((text, context) => {
    const problem = templateProblem(text);
    if (problem !== null) context.addIssue({ code: 'custom', message: `${quote(text)}: ${problem}` });
  });
const templates = z.array(template).max(MAX_ALTERNATIVE_NAMES).default([]);

/** An object that may have these fields, whose refusal of others says so. */
function optionalFields<Name extends string, Value extends z.ZodType>(
  names: readonly Name[],
  value: Value,
  what: string,
) {
  const shape = Object.fromEntries(names.map((name) => [name, value])) as Record<Name, Value>;
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `there is no ${quote(issue.keys.join(', '))} here; ${names.join(', ')} ${what}`
        : undefined,
  });
}

/** From a `ProfileDocument` to what `Profile` has; durations in milliseconds. */
export const profileSchema = z
  .strictObject({
    name: z.string(),
    description: z.string().max(500).optional(),
    validity: durationSchema.pipe(z.number().min(SECOND, 'at least 1s').max(MAX_VALIDITY, 'at most 100y')),
    backdate: durationSchema
      .pipe(z.number().min(0, 'not negative').max(MAX_BACKDATE, 'at most 1d'))
      .default(60 * SECOND),
    renewAfter: partOfLife.default(DEFAULT_RENEWAL),
    keys: z
      .array(z.enum(keyKinds))
      .min(1)
      .default([...keyKinds]),
    serverKeygen: z.boolean().default(false),
    extendedKeyUsage: z
      .array(z.enum(devicePurposes))
      .transform((purposes) => [...new Set(purposes)])
      .refine(
        (purposes) => purposes.includes('clientAuth'),
        'clientAuth must be among them: the broker asks for it',
      )
      .default(['clientAuth']),
    subject: optionalFields(
      subjectFields,
      template.optional(),
      'can stand beside the CN, which is the ID of the device',
    ).prefault({}),
    subjectAltNames: optionalFields(alternativeFields, templates, 'are the names that can be given').prefault(
      {},
    ),
  })
  // Who finds no DNS name in a server's certificate may take its CN for one (RFC 6125 §6.4.4), and that the device chose.
  .refine(
    ({ extendedKeyUsage, subjectAltNames: { dns } }) =>
      !extendedKeyUsage.includes('serverAuth') || dns.length > 0,
    { path: ['extendedKeyUsage'], message: 'serverAuth takes a DNS name in subjectAltNames.dns' },
  );
