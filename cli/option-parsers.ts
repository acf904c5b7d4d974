/** What the values of arguments and options must look like; commander turns a throw into misuse. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../core/duration.ts';
import { GatehouseError } from '../core/errors.ts';
import { ATTRIBUTE_NAME } from '../core/policy/pattern.ts';

/** A parser of core/ids.ts as a parser for commander. */
export function parsedBy<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof GatehouseError) throw new InvalidArgumentError(error.remedy);
      throw error;
    }
  };
}

/** The same for what may be given several times. */
export function eachParsedBy<Value>(
  parse: (text: string) => Value,
): (text: string, before: readonly Value[] | undefined) => readonly Value[] {
  const parseOne = parsedBy(parse);
  return (text, before = []) => [...before, parseOne(text)];
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number above zero.');
  return Number(text);
}

/** The seq of a journal row; 0 is before the first. */
export function parseSeq(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give the seq of a row.');
  return Number(text);
}

/** @returns seconds, as the API takes them */
export function parseLifetime(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === null || milliseconds < 1_000) {
    throw new InvalidArgumentError('Give a duration such as 15m, 24h or 30d.');
  }
  return Math.floor(milliseconds / 1_000);
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
