/** Bytes to lines: the same lines, wherever the chunks begin and end, and never more held than one line may take. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Line, LineCutter } from '../../core/lines.ts';
import { anyCharacter } from '../support/any-character.ts';

const WIDE = { maxBytes: 10_000 };

function cut(chunks: Iterable<Uint8Array>, bounds = WIDE): Line[] {
  const cutter = new LineCutter(bounds);
  const lines = [...chunks].flatMap((chunk) => cutter.push(chunk));
  return [...lines, ...cutter.end()];
}

/** `bytes`, cut anywhere. */
const chunksOf = (bytes: Uint8Array) =>
  fc
    .array(fc.nat({ max: bytes.length }), { maxLength: 12 })
    .map((cuts) => [0, ...cuts.sort((a, b) => a - b), bytes.length])
    .map((ends) => ends.slice(1).map((end, index) => bytes.subarray(ends[index], end)));

const texts = fc
  .array(fc.string({ unit: anyCharacter, maxLength: 20 }).filter((text) => !/[\r\n]|^\ufeff/.test(text)))
  .filter((lines) => lines.at(-1) !== '');

describe('lines', () => {
  it('are the same wherever the stream is cut, within characters too', () => {
    const property = texts.chain((lines) =>
      fc.record({
        lines: fc.constant(lines),
        chunks: fc.constantFrom('\n', '\r\n').chain((end) => chunksOf(Buffer.from(lines.join(end), 'utf8'))),
      }),
    );
    fc.assert(
      fc.property(property, ({ lines, chunks }) => {
        expect(cut(chunks)).toEqual(lines.map((text, index) => ({ number: index + 1, text })));
      }),
      { numRuns: 500 },
    );
  });

  it('never fail, whatever the bytes, and do not depend on where they are cut', () => {
    const property = fc
      .uint8Array({ maxLength: 200 })
      .chain((bytes) => fc.record({ bytes: fc.constant(bytes), chunks: chunksOf(bytes) }));
    fc.assert(
      fc.property(property, ({ bytes, chunks }) => {
        expect(cut(chunks, { maxBytes: 20 })).toEqual(cut([bytes], { maxBytes: 20 }));
      }),
      { numRuns: 500 },
    );
  });

  it('end with the stream, with a last line break or without', () => {
    expect(cut([Buffer.from('a\nb')])).toEqual(cut([Buffer.from('a\nb\n')]));
    expect(cut([])).toEqual([]);
    expect(cut([Buffer.from('\n')])).toEqual([{ number: 1, text: '' }]);
  });

  it('lose the byte order mark of the file, and of no other line', () => {
    expect(cut([Buffer.from('\ufeffa\n\ufeffb')])).toEqual([
      { number: 1, text: 'a' },
      { number: 2, text: '\ufeffb' },
    ]);
  });

  it('that are not UTF-8 are told by their number, and the next is read', () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.from([0xc3, 0x28, 0x0a]), Buffer.from('é')]);
    expect(cut([bytes])).toEqual([
      { number: 1, text: 'a' },
      { number: 2, problem: 'is not UTF-8' },
      { number: 3, text: 'é' },
    ]);
  });

  it('that are too long are told by their number, and the next is read', () => {
    const chunks = ['12', '34567', '8\n', '12345\nx'].map((text) => Buffer.from(text));
    expect(cut(chunks, { maxBytes: 5 })).toEqual([
      { number: 1, problem: 'is longer than 5 bytes' },
      { number: 2, text: '12345' },
      { number: 3, text: 'x' },
    ]);
  });
});
