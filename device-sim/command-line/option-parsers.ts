/** What the values of the simulator's own options must look like; commander turns a throw into misuse. */
import { InvalidArgumentError } from 'commander';
import { isDeviceId, parseDeviceId } from '../../core/ids.ts';
import { countUpTo, durationBetween, parsedBy } from '../../runtime/command-line/parsers.ts';
import { type KeyType, keyTypes } from '../identity/private-key.ts';

/** A length of time, in milliseconds. Node's timers take 2 ** 31 - 1 at most, which is between 24 and 25 days. */
export const parseSpan = durationBetween('1ms', '24d', '500ms, 5s, 2m or 1h');

/** As many as have numbers of seven digits to tell them apart. */
export const parseDevices = countUpTo(1_000_000);

export const parseId = parsedBy(parseDeviceId);

/** Messages per second; a fraction makes for fewer than one. */
export function parseRate(text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (rate > 0 && rate <= 1_000_000) return rate;
  throw new InvalidArgumentError('Give a number above zero, up to 1,000,000.');
}

/** The longest prefix leaves room for the number that follows it. */
export function parsePrefix(text: string): string {
  if (!isDeviceId(`${text}0000000`)) {
    throw new InvalidArgumentError('Use at most 57 of A-Z a-z 0-9 . _ : - beginning with a letter or digit.');
  }
  return text;
}

export function parseKeyType(text: string): KeyType {
  const type = keyTypes.find((known) => known === text);
  if (type === undefined) throw new InvalidArgumentError(`Choose one of ${keyTypes.join(', ')}.`);
  return type;
}
