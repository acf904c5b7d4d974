/** Groups, policies and profiles, put in place whole: validated first, and only if what they name exists. */
import { GatehouseError } from '../../../core/errors.ts';
import { type EntityName, parseEntityName, quote } from '../../../core/ids.ts';
import type { Actor } from '../../../core/journal/events.ts';
import { parseProfile } from '../../../core/pki/profile.ts';
import { parsePolicy } from '../../../core/policy/policy.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { DocumentRecord, GroupRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';
import { testProfile } from './test-profile.ts';

/** @throws GatehouseError `policy_unknown`, `profile_unknown` */
export function applyGroup({ registry }: EnrollContext, actor: Actor, group: GroupRecord): Promise<void> {
  return registry.write(actor, (transaction) => putGroup(transaction, group));
}

/** @throws GatehouseError `policy_invalid` */
export function applyPolicy(context: EnrollContext, actor: Actor, document: unknown): Promise<EntityName> {
  return context.registry.write(actor, (transaction) =>
    putPolicy(transaction, document, context.clock.now()),
  );
}

/** @throws GatehouseError `profile_invalid`, `name_invalid` */
export async function applyProfile(
  context: EnrollContext,
  actor: Actor,
  document: unknown,
): Promise<EntityName> {
  // What cannot be issued to anybody is no profile; what comes of this is thrown away.
  await testProfile(context, { document });
  return context.registry.write(actor, (transaction) =>
    putProfile(transaction, document, context.clock.now()),
  );
}

/** What a group names, which must be there. @throws GatehouseError `policy_unknown`, `profile_unknown` */
export async function groupTerms(
  registry: Pick<RegistryReader, 'policy' | 'profile'>,
  group: Pick<GroupRecord, 'policy' | 'profile'>,
): Promise<{ readonly policy: DocumentRecord }> {
  const policy = await registry.policy(group.policy);
  if (policy === undefined) {
    throw new GatehouseError('policy_unknown', `there is no policy ${quote(group.policy)}`);
  }
  if ((await registry.profile(group.profile)) === undefined) {
    throw new GatehouseError('profile_unknown', `there is no profile ${quote(group.profile)}`);
  }
  return { policy };
}

export async function putGroup(transaction: RegistryTransaction, group: GroupRecord): Promise<void> {
  await groupTerms(transaction, group);
  await transaction.putGroup(group);
  const { name, profile, policy, renewalGrace, approval } = group;
  await transaction.append({
    action: 'group.applied',
    subject: name,
    data: { profile, policy, renewalGrace, approval },
  });
}

export async function putPolicy(
  transaction: RegistryTransaction,
  input: unknown,
  now: number,
): Promise<EntityName> {
  const name = parseEntityName(parsePolicy(input).name);
  const document = JSON.stringify(input);
  await transaction.putPolicy({ name, document, changedAt: now });
  await transaction.append({ action: 'policy.applied', subject: name, data: { document } });
  return name;
}

export async function putProfile(
  transaction: RegistryTransaction,
  input: unknown,
  now: number,
): Promise<EntityName> {
  const name = parseEntityName(parseProfile(input).name);
  const document = JSON.stringify(input);
  await transaction.putProfile({ name, document, changedAt: now });
  await transaction.append({ action: 'profile.applied', subject: name, data: { document } });
  return name;
}
