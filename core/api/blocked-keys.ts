/** The block-list of keys over HTTP. Times are ISO 8601 in UTC. */
import type { Fingerprint } from '../ids.ts';

/** GET /api/v1/blocked-keys; POST answers it as well, as it is then stored: 201, or 200 where it was before. */
export interface BlockedKeyView {
  /** SHA-256 over the SubjectPublicKeyInfo. */
  readonly fingerprint: Fingerprint;
  readonly note: string;
  readonly blockedAt: string;
}
