/**
 * Whether what a device was refused still stands in its way, held against how it stands now: what has come in between is
 * told, and the refusal is history. Pure.
 */
import type { DeviceDetail } from '../../../core/api/devices.ts';
import type { RefusalView } from '../../../core/api/explanation.ts';
import { MAX_TOPIC_SHOWN } from '../../../core/observations/refusal.ts';
import {
  type Decision,
  type DenialCode,
  decideDelivery,
  decidePublish,
  decideSubscribe,
} from '../../../core/policy/decide.ts';
import type { Grants } from '../../../core/policy/grants.ts';

export interface NowOfDevice {
  /** Null where there is no such device. */
  readonly device: DeviceDetail | null;
  /** What its policy grants now; null where it has none. */
  readonly grants: Grants | null;
}

type PolicyAction = 'publish' | 'subscribe' | 'deliver';

const decisions: Readonly<Record<PolicyAction, (grants: Grants, topic: string) => Decision>> = {
  publish: decidePublish,
  subscribe: decideSubscribe,
  deliver: decideDelivery,
};
/** What the policy says, and no limit. */
const POLICY_RULES: readonly string[] = [
  'publish_denied',
  'subscribe_denied',
  'topic_reserved',
] satisfies DenialCode[];
/** What is about the device, what it shows, and where it is: not about how much it does. */
const ABOUT_DEVICE = /^(?:device|certificate|issuer|token|factory|request|attribute)_/;

/** @returns what has settled it since, for people; null where nothing has */
export function settledBy(refusal: RefusalView, { device, grants }: NowOfDevice): string | null {
  if (device === null) return null;
  const { action, rule, topic } = refusal;
  if (POLICY_RULES.includes(rule) && isPolicyAction(action)) {
    return isGranted(action, topic, grants) ? 'its policy grants it now' : null;
  }
  if (action === 'enroll' || action === 'renew') return settledByChange(refusal, device);
  const { presence } = device;
  if (presence !== null && presence.connectedAt > refusal.lastAt) {
    return `it has connected since, at ${presence.connectedAt}`;
  }
  return ABOUT_DEVICE.test(rule) ? settledByChange(refusal, device) : null;
}

function isPolicyAction(action: RefusalView['action']): action is PolicyAction {
  return Object.hasOwn(decisions, action);
}

/** What was cut when it was noted cannot be decided on. */
function isGranted(action: PolicyAction, topic: string | null, grants: Grants | null): boolean {
  if (topic === null || grants === null || topic.length >= MAX_TOPIC_SHOWN) return false;
  return decisions[action](grants, topic).allowed;
}

/** ISO times are in the order of their texts. */
function settledByChange(
  { rule, lastAt }: RefusalView,
  { certificates: [newest], releasedAt, changedAt }: DeviceDetail,
): string | null {
  if (newest !== undefined && newest.issuedAt > lastAt) {
    return `it was given a certificate since, at ${newest.issuedAt}`;
  }
  if (releasedAt !== null && releasedAt > lastAt) return `it was released since, at ${releasedAt}`;
  return ABOUT_DEVICE.test(rule) && changedAt > lastAt ? `it was changed since, at ${changedAt}` : null;
}
