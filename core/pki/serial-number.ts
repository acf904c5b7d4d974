/** Serial numbers of certificates (RFC 5280 §4.1.2.2): random, so that nobody can foretell what the CA signs next. */
import { randomBytes } from 'node:crypto';
import { parseSerialNumber, type SerialNumber } from '../ids.ts';
import { type Asn1, unsignedInteger } from './der.ts';

/** A source of unpredictable octets. */
export type RandomSource = (size: number) => Uint8Array;

const OCTETS = 16;

/** 16 octets, 126 of their bits random: never zero, never negative, and always of one length. */
export function randomSerialNumber(random: RandomSource = randomBytes): SerialNumber {
  const octets = Buffer.from(random(OCTETS));
  // 01xxxxxx in front: the top bit would make it negative, and leading zeros shorter.
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return parseSerialNumber(octets.toString('hex'));
}

/** As the INTEGER that certificates, CRLs and OCSP carry. */
export function serialNumberInteger(serialNumber: SerialNumber): Asn1 {
  return unsignedInteger(Buffer.from(serialNumber, 'hex'));
}

/** @param content of an INTEGER; undefined for one that no conforming CA assigns: negative, or beyond 20 octets */
export function readSerialNumber(content: Uint8Array): SerialNumber | undefined {
  const [first, second] = content;
  if (first === undefined || first >= 0x80 || content.length > 20) return undefined;
  // The zero that keeps the number positive is none of its digits (openssl does not print it either).
  const magnitude = first === 0 && second !== undefined ? content.subarray(1) : content;
  return parseSerialNumber(Buffer.from(magnitude).toString('hex'));
}
