/** Packets of MQTT 3.1.1 written out in hexadecimal digits, as the specification shows them. */

/** Hexadecimal digits, spaces aside. */
export function bytes(...parts: string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
}

export const text = (characters: string) => Buffer.from(characters).toString('hex');

export function field(characters: string): string {
  return Buffer.byteLength(characters).toString(16).padStart(4, '0') + text(characters);
}

/** A packet of less than 128 bytes. */
export function packet(first: string, ...parts: string[]): string {
  const body = bytes(...parts);
  return first + body.length.toString(16).padStart(2, '0') + body.toString('hex');
}

export const CONNECTED = '20 02 00 00';
export const PING = 'c000';
export const PONG = 'd0 00';
export const WILL = [field('will'), field('lost')];
