/**
 * One text for one value, so that it can be hashed: JSON with sorted keys and no white space, after
 * RFC 8785 (JSON Canonicalization Scheme), whose number and string forms are those of JSON.stringify.
 */

/**
 * @returns the canonical text; `canonicalJson(JSON.parse(text)) === text`
 * @throws TypeError for what JSON cannot carry: undefined, functions, symbols, bigints, NaN and infinities
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(',')}]`;
  if (typeof value === 'object') return `{${Object.entries(value).sort(byKey).map(member).join(',')}}`;
  throw new TypeError(`JSON cannot carry ${String(value)}`);
}

/** RFC 8785 §3.2.3: by UTF-16 code units, which is how JavaScript compares strings. */
function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function member([key, value]: [string, unknown]): string {
  return `${JSON.stringify(key)}:${canonicalJson(value)}`;
}
