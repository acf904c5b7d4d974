/** What a policy makes of a device's publish or subscribe, over HTTP. Times are ISO 8601 in UTC. */
import type { DeviceId, EntityName } from '../ids.ts';

/** POST /api/v1/policies/test */
export interface PolicyTestRequest {
  readonly device: string;
  /** Exactly one of the two. */
  readonly publish?: string;
  readonly subscribe?: string;
}

export interface PolicyTestResult {
  readonly device: DeviceId;
  readonly group: EntityName;
  readonly policy: EntityName;
  /** A device that is not active may do nothing, whatever its policy grants. */
  readonly deviceStatus: 'active' | 'suspended' | 'revoked';
  readonly allowed: boolean;
  /** The filter of the policy that decided, variables filled in; null where nothing granted it. */
  readonly rule: string | null;
  readonly reason: string;
  /** What of this the broker refused the device lately, whether it would now or not; null where nothing. */
  readonly refused: RefusedLately | null;
}

export interface RefusedLately {
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** Of the last one: as Problem.code, and what was wrong. */
  readonly rule: string;
  readonly detail: string;
}
