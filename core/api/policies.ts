/** Policies tried out over HTTP: what one makes of a device's publish or subscribe, and what applying one would lead to. Times are ISO 8601 in UTC. */
import type { DeviceId, EntityName } from '../ids.ts';
import type { PolicyDiff } from '../policy/policy-diff.ts';

/** POST /api/v1/policies/test */
export interface PolicyTestRequest {
  readonly device: string;
  /** Exactly one of the two. */
  readonly publish?: string;
  readonly subscribe?: string;
  /** A policy as PUT /api/v1/policies/NAME takes it, with its name: it decides in place of the one in force. */
  readonly document?: Readonly<Record<string, unknown>>;
}

export interface PolicyTestResult {
  readonly device: DeviceId;
  readonly group: EntityName;
  /** The one that decided. */
  readonly policy: EntityName;
  /** A device that is not active may do nothing, whatever its policy grants. */
  readonly deviceStatus: 'active' | 'suspended' | 'revoked';
  readonly allowed: boolean;
  /** The filter of the policy that decided, variables filled in; null where nothing granted it. */
  readonly rule: string | null;
  readonly reason: string;
  /** What of this the broker refused the device lately, whether this policy would or not; null where nothing. */
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

/** POST /api/v1/policies/dry-run: another call than PUT, so that nothing that does not know of it takes one for the other. */
export interface PolicyDryRunRequest {
  /** As PUT /api/v1/policies/NAME takes it, with its name. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** What applying it would change, as of now: nothing has been, and nothing was written. */
export interface PolicyDryRun extends PolicyDiff {
  readonly policy: EntityName;
  readonly outcome: 'created' | 'changed' | 'unchanged';
  /** Those that have the policy of this name. */
  readonly groups: readonly PolicyUser[];
}

export interface PolicyUser {
  readonly name: EntityName;
  /** Devices of the group that are not revoked. */
  readonly devices: number;
}
