/**
 * The bytes of an answer, in the two forms that a CRL has. Neither is copied for whoever fetches it: a thousand slow
 * readers of megabytes share one list, and PEM is made as it is read.
 */
import { Readable } from 'node:stream';
import type { ByteRange } from '../http/conditional.ts';

export interface CrlBody {
  readonly length: number;
  read(range: ByteRange): Uint8Array | Readable;
}

const BEGIN = '-----BEGIN X509 CRL-----\n';
const END = '-----END X509 CRL-----\n';
/** RFC 7468 §2: 64 characters a line, of 48 octets. */
const LINE_OCTETS = 48;
const LINE_CHARACTERS = 65;
const LINES_AT_A_TIME = 512;

export function derBody(der: Uint8Array): CrlBody {
  const { buffer, byteOffset, length } = der;
  return { length, read: ({ first, last }) => Buffer.from(buffer, byteOffset + first, last - first + 1) };
}

export function pemBody(der: Uint8Array): CrlBody {
  const lines = Math.ceil(der.length / LINE_OCTETS);
  const base64Length = Math.ceil(der.length / 3) * 4 + lines;
  return {
    length: BEGIN.length + base64Length + END.length,
    read: ({ first, last }) => {
      // The lines that the range touches, made a few at a time; what is too much at either end is cut off.
      const from = Math.max(0, Math.floor((first - BEGIN.length) / LINE_CHARACTERS));
      const origin = from === 0 ? 0 : BEGIN.length + from * LINE_CHARACTERS;
      return Readable.from(cut(pemFrom(der, Math.min(from, lines)), first - origin, last - first + 1), {
        objectMode: false,
      });
    },
  };
}

/** The text from this line on, which is the first with what goes before it. */
function* pemFrom(der: Uint8Array, line: number): Generator<string> {
  if (line === 0) yield BEGIN;
  const step = LINES_AT_A_TIME * LINE_OCTETS;
  for (let start = line * LINE_OCTETS; start < der.length; start += step) {
    const length = Math.min(step, der.length - start);
    const base64 = Buffer.from(der.buffer, der.byteOffset + start, length).toString('base64');
    yield base64.replace(/.{1,64}/g, '$&\n');
  }
  yield END;
}

function* cut(pieces: Generator<string>, skip: number, length: number): Generator<Buffer> {
  let [before, left] = [skip, length];
  for (const piece of pieces) {
    const part = piece.slice(before, before + left);
    before = Math.max(0, before - piece.length);
    left -= part.length;
    if (part !== '') yield Buffer.from(part, 'latin1');
    if (left === 0) return;
  }
}
