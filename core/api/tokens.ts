/** Enrollment tokens over HTTP. Times are ISO 8601 in UTC. */
import type { EntityName } from '../ids.ts';

/** POST /api/v1/tokens */
export interface TokenRequest {
  readonly group?: string;
  /** An exact ID, or a pattern with `*`. */
  readonly device?: string;
  /** 1 where absent. */
  readonly maxUses?: number;
  /** Seconds; 86,400 where absent. */
  readonly expiresIn?: number;
}

export interface TokenView {
  readonly id: string;
  readonly group: EntityName;
  readonly device: string | null;
  readonly maxUses: number;
  readonly uses: number;
  readonly status: 'active' | 'spent' | 'expired' | 'revoked';
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
}

/** The only time that the token itself is shown. */
export interface TokenCreated extends TokenView {
  readonly token: string;
}
