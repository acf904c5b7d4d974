/**
 * Conditional requests (RFC 9110 §13) and single byte ranges (§14), for what is served whole from memory. What cannot be
 * understood is ignored, as the RFC asks: the answer is the whole then.
 */

export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string;
  /** ms; HTTP knows whole seconds of it. */
  readonly lastModified: number;
}

/** Header fields as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Both inclusive, as in `Content-Range`. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
const TAG_LIST = /^\s*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*)*)+$/;
/** One range; several would be an answer in parts, which nobody asks of a CRL. */
const SINGLE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/i;

/** Whether the answer is 304 (§13.2.2): `If-None-Match` decides where it is there, by the weak comparison. */
export function isNotModified(headers: RequestHeaders, { etag, lastModified }: Validators): boolean {
  const tags = single(headers['if-none-match']);
  if (tags !== undefined) {
    if (tags.trim() === '*') return true;
    return (
      TAG_LIST.test(tags) && (tags.match(ENTITY_TAG) ?? []).some((tag) => tag.replace(/^W\//, '') === etag)
    );
  }
  const since = dateOf(single(headers['if-modified-since']));
  return since !== undefined && wholeSecond(lastModified) <= since;
}

/** @returns undefined for the whole, null where no byte of it is asked for (416) */
export function rangeOf(
  headers: RequestHeaders,
  validators: Validators,
  length: number,
): ByteRange | null | undefined {
  const [, first = '', last = ''] = SINGLE_RANGE.exec(single(headers.range) ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (!appliesTo(single(headers['if-range']), validators)) return undefined;
  if (first === '') {
    const suffix = Math.min(Number(last), length);
    return suffix === 0 ? null : { first: length - suffix, last: length - 1 };
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  if (Number(first) >= length) return null;
  return { first: Number(first), last: last === '' ? length - 1 : Math.min(Number(last), length - 1) };
}

/** §13.1.5: by the strong comparison, and a date exactly. */
function appliesTo(ifRange: string | undefined, { etag, lastModified }: Validators): boolean {
  if (ifRange === undefined) return true;
  return ifRange.trim() === etag || dateOf(ifRange) === wholeSecond(lastModified);
}

/** An IMF-fixdate (§5.6.7), which is what everybody sends. */
function dateOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) || new Date(time).toUTCString() !== text?.trim() ? undefined : time;
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function wholeSecond(time: number): number {
  return Math.floor(time / 1_000) * 1_000;
}
