/** Conditional requests (RFC 9110 §13.1.2). */

/**
 * Whether the caller has this representation already, by its `If-None-Match`.
 * @param etag strong, with its quotes
 */
export function isKnownToCaller(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  // Compared weakly: a cache on the way may have made it a weak one.
  const known = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes('*') || known.includes(etag);
}
