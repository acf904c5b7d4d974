/** Groups over HTTP. */
import type { Approval } from '../enrollment/approval.ts';
import type { EntityName } from '../ids.ts';

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
