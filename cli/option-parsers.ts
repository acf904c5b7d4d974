/** What the values of arguments and options must look like; commander turns a throw into misuse. */
import { InvalidArgumentError } from 'commander';
import { GatehouseError } from '../core/errors.ts';
import { ATTRIBUTE_NAME } from '../core/policy/pattern.ts';
import { parseToken } from '../core/token.ts';
import { countUpTo, durationBetween } from '../runtime/command-line/parsers.ts';

/** As many uses as a token may have. */
export const parseUses = countUpTo(1_000_000);

/** The seq of a journal row; 0 is before the first. */
export function parseSeq(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give the seq of a row.');
  return Number(text);
}

const parseTokenLife = durationBetween('1s', '365d', '15m, 24h or 30d');

/** @returns seconds, as the API takes them */
export function parseExpiry(text: string): number {
  return Math.floor(parseTokenLife(text) / 1_000);
}

const parseLongWait = durationBetween('1s', '3650d', '24h or 30d');

/** @returns seconds, as the API takes them */
export function parseRenewalGrace(text: string): number {
  return Math.floor(parseLongWait(text) / 1_000);
}

/**
 * The id of an enrollment token, also out of the whole token, which is what people have at hand. What is neither
 * may hold a secret all the same, so the message does not repeat it.
 * @throws GatehouseError `usage_invalid`
 */
export function parseTokenId(text: string): string {
  const id = /^[0-9a-f]{12}$/.test(text) ? text : parseToken('enrollment', text)?.id;
  if (id !== undefined) return id;
  throw new GatehouseError(
    'usage_invalid',
    'that is neither the id of an enrollment token (12 hex digits) nor a whole one (ghe_…)',
  );
}

/** `name=value`, several times; an empty value takes the attribute away. */
export function parseAttributes(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (!ATTRIBUTE_NAME.test(name)) {
    throw new InvalidArgumentError('Give name=value, the name of a-z 0-9 _ and beginning with a letter.');
  }
  return { ...before, [name]: value };
}

/** `seq:hash`, as `journal verify` prints it. */
export function parseChainHead(text: string): { readonly seq: number; readonly hash: string } {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new InvalidArgumentError('Give SEQ:HASH, as journal verify printed it.');
  }
  return { seq: Number(seq), hash };
}
