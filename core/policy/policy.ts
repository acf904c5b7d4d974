/** The policy document as operators write it, and the checked `Policy` that it becomes. */
import { z } from 'zod';
import { GatehouseError } from '../errors.ts';
import { type EntityName, parseEntityName, quote } from '../ids.ts';
import { parsePattern, type TopicPattern } from './pattern.ts';
import { parseSize } from './size.ts';
import { isSystemTopic } from './system-topics.ts';
import { isReserved } from './topic.ts';

/** Nothing granted means denied, and a deny wins over any grant. Variables: `{id}`, `{group}`, `{attr.NAME}`. */
export interface PolicyDocument {
  readonly name: string;
  readonly description?: string | undefined;
  /** Topics that a device may publish to. */
  readonly publish?: readonly string[] | undefined;
  /** Topics that a device may receive; a subscription is allowed where one of these covers it. `$presence/…` and `$SYS/…` too. */
  readonly subscribe?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly limits?:
    | {
        readonly messagesPerSecond?: number | undefined;
        /** Bytes, or a text like 1MB. */
        readonly bytesPerSecond?: number | string | undefined;
        /** Bytes, or a text like 128KB. */
        readonly maxPayload?: number | string | undefined;
      }
    | undefined;
}

/** What one device may send. `bytesPerSecond` and `maxPayload` are bytes. */
export interface Limits {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly maxPayload: number;
}

export interface Policy {
  readonly name: EntityName;
  readonly description: string;
  readonly publish: readonly TopicPattern[];
  readonly subscribe: readonly TopicPattern[];
  readonly deny: readonly TopicPattern[];
  readonly limits: Limits;
}

/** What a new Gatehouse begins with. */
export const defaultPolicies: readonly PolicyDocument[] = [
  {
    name: 'device',
    description: 'A device sends its own telemetry and status, and receives its own commands.',
    publish: ['devices/{id}/telemetry/#', 'devices/{id}/status'],
    subscribe: ['devices/{id}/commands/#', 'groups/{group}/broadcast/#'],
    deny: [],
    limits: { messagesPerSecond: 100, bytesPerSecond: '1MB', maxPayload: '128KB' },
  },
  {
    name: 'telemetry-reader',
    description: 'A back-end service reads the telemetry of every device and publishes nothing.',
    publish: [],
    subscribe: ['devices/+/telemetry/#'],
    deny: [],
  },
];

/** The largest packet that MQTT can frame (§2.2.3); no payload is larger. */
const MAX_PACKET = 268_435_455;
/** Every rule may be tried for every message. */
const MAX_RULES = 100;

const pattern = z
  .string()
  .max(1024)
  .transform((text, context): TopicPattern => {
    const parsed = parsePattern(text);
    if ('levels' in parsed) return parsed;
    context.addIssue({ code: 'custom', message: `${quote(text)}: ${parsed.problem}` });
    return z.NEVER;
  });
const publishGrant = z
  .string()
  .refine((text) => !isReserved(text), 'topics that begin with $ are closed to devices')
  .pipe(pattern);
const subscribeGrant = z
  .string()
  .refine(
    (text) => !isReserved(text) || isSystemTopic(text),
    'topics that begin with $ are closed to devices, but for $presence/… and $SYS/…',
  )
  .pipe(pattern);

const rate = z.int().min(1).max(1_000_000);
const size = z
  .union([z.number(), z.string()], 'a number of bytes, or a text like 128KB or 1MB')
  .transform((value, context) => {
    const bytes = typeof value === 'number' ? value : parseSize(value);
    if (bytes !== null && Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
    context.addIssue({ code: 'custom', message: 'a number of bytes from 1, or a text like 128KB or 1MB' });
    return z.NEVER;
  });

const schema = z.strictObject({
  name: z.string(),
  description: z.string().max(1000).default(''),
  publish: z.array(publishGrant).max(MAX_RULES).default([]),
  subscribe: z.array(subscribeGrant).max(MAX_RULES).default([]),
  deny: z.array(pattern).max(MAX_RULES).default([]),
  limits: z
    .strictObject({
      messagesPerSecond: rate.default(100),
      bytesPerSecond: size.default(1024 * 1024),
      maxPayload: size.pipe(z.number().max(MAX_PACKET)).default(128 * 1024),
    })
    .prefault({}),
});

/** @throws GatehouseError `policy_invalid`, naming the field */
export function parsePolicy(document: unknown): Policy {
  const parsed = schema.safeParse(document);
  if (!parsed.success) throw new GatehouseError('policy_invalid', describeIssue(parsed.error.issues[0]));
  return { ...parsed.data, name: parsePolicyName(parsed.data.name) };
}

function parsePolicyName(name: string): EntityName {
  try {
    return parseEntityName(name);
  } catch (cause) {
    throw new GatehouseError('policy_invalid', `name: ${quote(name)} is not a name`, { cause });
  }
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'not a policy document';
  const path = z.core.toDotPath(issue.path);
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
