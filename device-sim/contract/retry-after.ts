/** The Retry-After header (RFC 9110 §10.2.3): seconds, or an HTTP date. */

/** Longer than this no device lets a server put it to sleep. */
const MAX_WAIT_MS = 60 * 60_000;

/**
 * @param now milliseconds since the epoch, for the date form
 * @returns milliseconds to wait, at most an hour; null where the header is absent or makes no sense
 */
export function parseRetryAfter(header: string | readonly string[] | undefined, now: number): number | null {
  if (typeof header !== 'string') return null;
  const text = header.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), MAX_WAIT_MS);
}
