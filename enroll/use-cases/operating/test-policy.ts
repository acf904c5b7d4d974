/** What a policy, the one in force or another, says of a device and a topic, by the same decision that the broker takes. */
import type { PolicyTestResult } from '../../../core/api/policies.ts';
import { GatehouseError } from '../../../core/errors.ts';
import type { DeviceId, EntityName } from '../../../core/ids.ts';
import { MAX_TOPIC_SHOWN, shownText } from '../../../core/observations/refusal.ts';
import { decidePublish, decideSubscribe } from '../../../core/policy/decide.ts';
import { bindPolicy, type Grants, type PolicySubject } from '../../../core/policy/grants.ts';
import { parsePolicy } from '../../../core/policy/policy.ts';
import { isTopicFilter, isTopicName, matches } from '../../../core/policy/topic.ts';
import type { RegistryView } from '../../../registry/port/registry.ts';
import type { EnrollContext } from '../../context.ts';
import { deviceOrRefuse } from '../look-ups.ts';

export interface PolicyTest extends Question {
  readonly device: DeviceId;
  /** Where absent, the policy in force decides. */
  readonly document?: unknown;
}

/**
 * @throws GatehouseError `request_invalid` unless exactly one of publish and subscribe is given; `device_unknown`;
 *   `policy_unknown` where the device has none, and none is given; `policy_invalid` of the one given
 */
export async function testPolicy(
  { registry }: EnrollContext,
  { device: id, publish, subscribe, document }: PolicyTest,
): Promise<PolicyTestResult> {
  if ((publish === undefined) === (subscribe === undefined)) {
    throw new GatehouseError('request_invalid', 'give exactly one of "publish" and "subscribe"');
  }
  const device = await deviceOrRefuse(registry, id);
  const grants =
    document === undefined ? await grantsOf(registry, device) : bindPolicy(parsePolicy(document), device);
  if (grants === null) throw new GatehouseError('policy_unknown', `group ${device.group} has no policy`);
  const decision =
    publish === undefined ? decideSubscribe(grants, subscribe ?? '') : decidePublish(grants, publish);
  const refused = await refusedLately(registry, id, { publish, subscribe });
  const result = {
    device: id,
    group: device.group,
    policy: grants.policy,
    deviceStatus: device.status,
    refused,
  };
  if (device.status !== 'active') {
    return { ...result, allowed: false, rule: null, reason: `the device is ${device.status}` };
  }
  const { allowed, rule } = decision;
  return { ...result, allowed, rule, reason: allowed ? `granted by ${rule}` : decision.reason };
}

/** What its policy grants a device, as the broker reads it; null where its group has no policy. */
export async function grantsOf(
  registry: Pick<RegistryView, 'group' | 'policy'>,
  device: PolicySubject & { readonly group: EntityName },
): Promise<Grants | null> {
  const group = await registry.group(device.group);
  const record = group && (await registry.policy(group.policy));
  return record === undefined ? null : bindPolicy(parsePolicy(JSON.parse(record.document)), device);
}

interface Question {
  readonly publish?: string | undefined;
  readonly subscribe?: string | undefined;
}

/** What the broker refused of just this, and, of a subscription, what it did not deliver by it. */
async function refusedLately(
  { observations }: Pick<RegistryView, 'observations'>,
  id: DeviceId,
  { publish, subscribe }: Question,
): Promise<PolicyTestResult['refused']> {
  const asked = shownText(publish ?? subscribe ?? '', MAX_TOPIC_SHOWN);
  const isDelivery = (topic: string) =>
    subscribe !== undefined && isTopicFilter(subscribe) && isTopicName(topic) && matches(subscribe, topic);
  const those = (await observations.refusalsOf(id)).filter(({ action, topic }) => {
    if (topic === null) return false;
    if (action === 'deliver') return isDelivery(topic);
    return topic === asked && action === (publish === undefined ? 'subscribe' : 'publish');
  });
  // The newest first.
  const [last] = those;
  if (last === undefined) return null;
  return {
    rule: last.rule,
    detail: last.detail,
    count: those.reduce((sum, { count }) => sum + count, 0),
    firstAt: new Date(Math.min(...those.map(({ firstAt }) => firstAt))).toISOString(),
    lastAt: new Date(last.lastAt).toISOString(),
  };
}
