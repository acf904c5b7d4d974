/** What the values of options must look like; commander turns a throw into a message and exit code 2. */
import { InvalidArgumentError } from 'commander';
import { type DeviceId, isDeviceId } from '../../core/ids.ts';
import { type KeyType, keyTypes } from '../identity/private-key.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** What Node's timers take at most: about 24 days. */
const MAX_DURATION_MS = 2 ** 31 - 1;

/** `500ms`, `5s`, `2m`, `1h`, or plain seconds. @returns milliseconds, above zero */
export function parseDuration(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const milliseconds = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (!(milliseconds >= 1 && milliseconds <= MAX_DURATION_MS)) {
    throw new InvalidArgumentError('Give a duration such as 500ms, 5s, 2m or 1h.');
  }
  return milliseconds;
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Give a whole number above zero.');
  return Number(text);
}

/** Messages per second; a fraction makes for fewer than one. */
export function parseRate(text: string): number {
  const rate = Number(text);
  if (!(rate > 0 && rate <= 1_000_000)) throw new InvalidArgumentError('Give a number above zero.');
  return rate;
}

export function parseId(text: string): DeviceId {
  if (!isDeviceId(text)) {
    throw new InvalidArgumentError('Use 1 to 64 of A-Z a-z 0-9 . _ : - beginning with a letter or digit.');
  }
  return text;
}

/** The longest prefix leaves room for the number that follows it. */
export function parsePrefix(text: string): string {
  if (!isDeviceId(`${text}0000000`)) {
    throw new InvalidArgumentError('Use at most 57 of A-Z a-z 0-9 . _ : - beginning with a letter or digit.');
  }
  return text;
}

export function parseUrl(protocol: 'https:' | 'mqtts:'): (text: string) => string {
  return (text) => {
    if (!URL.canParse(text) || new URL(text).protocol !== protocol) {
      throw new InvalidArgumentError(`Give an address that begins with ${protocol}//`);
    }
    return text;
  };
}

export function parseKeyType(text: string): KeyType {
  const type = keyTypes.find((known) => known === text);
  if (type === undefined) throw new InvalidArgumentError(`Choose one of ${keyTypes.join(', ')}.`);
  return type;
}
