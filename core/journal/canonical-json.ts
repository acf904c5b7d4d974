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
  if (typeof value === 'object') return `{${members(value as Readonly<Record<string, unknown>>)}}`;
  throw new TypeError(`JSON cannot carry ${String(value)}`);
}

/** RFC 8785 §3.2.3: sorted by UTF-16 code units, which is how JavaScript compares strings. */
function members(object: Readonly<Record<string, unknown>>): string {
  return Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key])}`)
    .join(',');
}
