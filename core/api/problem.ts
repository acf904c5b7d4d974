/** What enroll answers where a request is refused. */

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** One of core/errors.ts; typed as text because a newer server may know more of them. */
  readonly code: string;
  readonly remedy: string;
}
