/** Operators over HTTP. Times are ISO 8601 in UTC. */
import type { EntityName } from '../ids.ts';

/** GET /api/v1/operators */
export interface OperatorView {
  readonly name: EntityName;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly createdAt: string;
}

export interface OperatorCreated extends OperatorView {
  readonly token: string;
}
