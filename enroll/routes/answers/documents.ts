/** Groups, policies, profiles and what they come to, as they are answered. */
import { z } from 'zod';
import type { GroupChange, GroupDryRun, GroupView } from '../../../core/api/groups.ts';
import type {
  PolicyDryRun,
  PolicyTestResult,
  PolicyUser,
  RefusedLately,
} from '../../../core/api/policies.ts';
import type { ProfileTestResult } from '../../../core/api/profiles.ts';
import { approvals } from '../../../core/enrollment/approval.ts';
import type { LimitChange, RulesDiff, RuleTexts } from '../../../core/policy/policy-diff.ts';
import { deviceStatus } from './devices.ts';
import { attributes, count, deviceId, type Fields, name, pem, strings, time } from './fields.ts';

export const group = z
  .object({
    name,
    description: z.string(),
    profile: name,
    policy: name,
    renewalGrace: count.describe('seconds'),
    approval: z.enum(approvals),
  } satisfies Fields<GroupView>)
  .meta({ id: 'Group' });

/** A policy or profile as it was written. */
export const document = z.looseObject({ name, changedAt: time }).meta({ id: 'Document' });

const refusedLately = z
  .object({
    count,
    firstAt: time,
    lastAt: time,
    rule: z.string(),
    detail: z.string(),
  } satisfies Fields<RefusedLately>)
  .meta({ id: 'RefusedLately' });

export const policyTest = z
  .object({
    device: deviceId,
    group: name,
    policy: name,
    deviceStatus,
    allowed: z.boolean(),
    rule: z.string().nullable(),
    reason: z.string(),
    refused: refusedLately.nullable(),
  } satisfies Fields<PolicyTestResult>)
  .meta({ id: 'PolicyTestResult' });

const ruleTexts = z
  .object({ publish: strings, subscribe: strings, deny: strings } satisfies Fields<RuleTexts>)
  .meta({ id: 'PolicyRules' });

const limitChange = z
  .object({
    limit: z.enum(['messagesPerSecond', 'bytesPerSecond', 'maxPayload']),
    from: count.nullable(),
    to: count,
  } satisfies Fields<LimitChange>)
  .meta({ id: 'LimitChange' });

const rulesDiff = {
  added: ruleTexts,
  removed: ruleTexts,
  limits: z.array(limitChange).readonly(),
} satisfies Fields<RulesDiff>;

const outcome = z.enum(['created', 'changed', 'unchanged']);
const notRevoked = count.describe('those of the group that are not revoked');

export const groupDryRun = z
  .object({
    group: name,
    outcome,
    changes: z
      .array(
        z.object({
          field: z.enum(['description', 'profile', 'policy', 'renewalGrace', 'approval']),
          from: z.union([z.string(), count]).nullable(),
          to: z.union([z.string(), count]),
        } satisfies Fields<GroupChange>),
      )
      .readonly(),
    rules: z.object(rulesDiff).nullable().describe('of its policy, where that is another one'),
    devices: notRevoked,
  } satisfies Fields<GroupDryRun>)
  .meta({ id: 'GroupDryRun' });

export const policyDryRun = z
  .object({
    policy: name,
    outcome,
    ...rulesDiff,
    description: z.object({ from: z.string(), to: z.string() }).nullable(),
    groups: z
      .array(
        z.object({
          name,
          devices: notRevoked,
        } satisfies Fields<PolicyUser>),
      )
      .readonly()
      .describe('the groups that have it'),
  } satisfies Fields<PolicyDryRun>)
  .meta({ id: 'PolicyDryRun' });

export const profileTest = z
  .object({
    profile: name,
    device: z.object({ id: deviceId, group: name, madeUp: z.boolean() }),
    attributes,
    subject: z.string(),
    subjectAltNames: strings,
    keyUsage: strings,
    extendedKeyUsage: strings,
    notBefore: time,
    notAfter: time,
    renewAfter: time,
    keys: strings,
    serverKeygen: z.boolean(),
    certificate: pem,
  } satisfies Fields<ProfileTestResult>)
  .meta({ id: 'ProfileTestResult' });
