/** Groups over HTTP. */
import type { Approval } from '../enrollment/approval.ts';
import type { EntityName } from '../ids.ts';
import type { RulesDiff } from '../policy/policy-diff.ts';

/** PUT /api/v1/groups/NAME */
export interface GroupView {
  readonly name: EntityName;
  readonly description: string;
  readonly profile: EntityName;
  readonly policy: EntityName;
  /** Seconds for which an expired certificate may still be renewed. PUT also takes a duration such as `30d`. */
  readonly renewalGrace: number;
  /** Whether enrolling into it takes an operator's word. */
  readonly approval: Approval;
}

/** POST /api/v1/groups/dry-run takes what PUT takes, with its name: what that would change, as of now. Nothing was written. */
export interface GroupDryRun {
  readonly group: EntityName;
  readonly outcome: 'created' | 'changed' | 'unchanged';
  readonly changes: readonly GroupChange[];
  /** What tells the policy of then from that of now; null where it is the same one. */
  readonly rules: RulesDiff | null;
  /** Devices of the group that are not revoked. */
  readonly devices: number;
}

export interface GroupChange {
  readonly field: Exclude<keyof GroupView, 'name'>;
  /** As in GroupView; null where there is no such group. */
  readonly from: string | number | null;
  readonly to: string | number;
}
