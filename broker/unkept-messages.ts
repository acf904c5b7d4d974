/**
 * Messages that a policy allows and no queue can hold. Each would be acknowledged, and dropped at once for whoever is away:
 * so it is said where a limit is that small, at the start and when a policy is applied.
 */
import { GatehouseError } from '../core/errors.ts';
import type { DocumentRecord } from '../registry/records.ts';
import type { LimitSettingName } from '../runtime/limit-settings.ts';
import type { Logger } from '../runtime/log.ts';
import { flagOf } from '../runtime/settings.ts';
import type { PolicyCache } from './admission/policy-cache.ts';
import { PUBLISH_OVERHEAD } from './front/packet-gate.ts';
import type { BrokerLimits } from './limits.ts';
import { ENTRY_BYTES } from './persistence/sqlite/queue-table.ts';

export interface UnkeptMessagesOptions {
  readonly policies: PolicyCache;
  readonly limits: Pick<BrokerLimits, 'queueBytes' | 'queuedBytes'>;
  readonly log: Pick<Logger, 'warn'>;
}

const bounds = [
  ['maxQueueSize', 'queueBytes'],
  ['maxQueuedSize', 'queuedBytes'],
] as const satisfies readonly (readonly [LimitSettingName, keyof UnkeptMessagesOptions['limits']])[];

/** Warns where the largest message that `policy` allows is more than may wait. */
export function tellOfUnkept(
  policy: Pick<DocumentRecord, 'name' | 'document'>,
  { policies, limits, log }: UnkeptMessagesOptions,
): void {
  const maxPayload = payloadOf(policy, policies);
  const least = maxPayload + PUBLISH_OVERHEAD + ENTRY_BYTES;
  for (const [setting, limit] of bounds) {
    if (limits[limit] >= least) continue;
    const flag = flagOf(setting);
    const remedy = `Set ${flag} to ${least} or more, or a smaller maxPayload in the policy.`;
    log.warn(
      { setting: flag, value: limits[limit], policy: policy.name, maxPayload, remedy },
      'the largest message that a policy allows can wait for nobody: who is away loses it',
    );
  }
}

/** One that cannot be read grants nothing, and whoever needs it says so. */
function payloadOf(policy: Pick<DocumentRecord, 'name' | 'document'>, policies: PolicyCache): number {
  try {
    return policies.parse(policy).limits.maxPayload;
  } catch (error) {
    if (error instanceof GatehouseError) return 0;
    throw error;
  }
}
