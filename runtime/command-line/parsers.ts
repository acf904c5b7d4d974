/** What the values of arguments and options must look like; commander turns a throw into misuse. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../../core/duration.ts';
import { GatehouseError } from '../../core/errors.ts';

type Parser<Value> = (text: string) => Value;

/** A parser of core/ids.ts as a parser for commander. */
export function parsedBy<Value>(parse: Parser<Value>): Parser<Value> {
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
  parse: Parser<Value>,
): (text: string, before: readonly Value[] | undefined) => readonly Value[] {
  const parseOne = parsedBy(parse);
  return (text, before = []) => [...before, parseOne(text)];
}

/** Whole numbers from 1 to `most`. */
export function countUpTo(most: number): Parser<number> {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > most) {
      throw new InvalidArgumentError(`Give a whole number from 1 to ${most.toLocaleString('en-GB')}.`);
    }
    return count;
  };
}

/**
 * Durations as core/duration.ts reads them, in milliseconds.
 * @param least a duration
 * @param most a duration
 * @param examples for the message: `15m, 24h or 30d`
 */
export function durationBetween(least: string, most: string, examples: string): Parser<number> {
  const [lower, upper] = [parseDuration(least) ?? Number.NaN, parseDuration(most) ?? Number.NaN];
  return (text) => {
    const duration = parseDuration(text);
    if (duration !== null && duration >= lower && duration <= upper) return duration;
    throw new InvalidArgumentError(
      `Give a duration from ${least} to ${most}, with its unit, such as ${examples}.`,
    );
  };
}

/** Addresses of this protocol, for example `https:`. */
export function urlWith(protocol: string): Parser<string> {
  return (text) => {
    if (URL.canParse(text) && new URL(text).protocol === protocol) return text;
    throw new InvalidArgumentError(`Give an address that begins with ${protocol}//`);
  };
}
