/** Which requests are answered by 304, which by a part, and what is ignored as HTTP asks. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isNotModified, rangeOf } from '../../enroll/http/conditional.ts';

const etag = '"full-7-crl"';
const lastModified = Date.UTC(2026, 0, 1, 12, 0, 0, 250);
const validators = { etag, lastModified };
const date = (ms: number) => new Date(ms).toUTCString();

describe('not modified', () => {
  it.each([
    ['the very tag', { 'if-none-match': etag }],
    ['the tag as a weak one', { 'if-none-match': `W/${etag}` }],
    ['the tag among others', { 'if-none-match': `"a" , W/"b,c",${etag}` }],
    ['any tag', { 'if-none-match': '*' }],
    ['the tag, whatever the date says', { 'if-none-match': etag, 'if-modified-since': date(0) }],
    ['the same second', { 'if-modified-since': date(lastModified) }],
    ['a later date', { 'if-modified-since': date(lastModified + 1_000) }],
  ])('with %s', (_name, headers) => {
    expect(isNotModified(headers, validators)).toBe(true);
  });

  it.each([
    ['nothing', {}],
    ['another tag', { 'if-none-match': '"full-6-crl"' }],
    [
      'another tag, whatever the date says',
      { 'if-none-match': '"x"', 'if-modified-since': date(lastModified) },
    ],
    ['a tag that holds it', { 'if-none-match': '"x-full-7-crl"' }],
    ['a tag without quotes', { 'if-none-match': 'full-7-crl' }],
    ['half a list', { 'if-none-match': `${etag}, "` }],
    ['an earlier date', { 'if-modified-since': date(lastModified - 1_000) }],
    ['a date of another form', { 'if-modified-since': new Date(lastModified + 1_000).toISOString() }],
    ['no date', { 'if-modified-since': 'tomorrow' }],
  ])('not with %s', (_name, headers) => {
    expect(isNotModified(headers, validators)).toBe(false);
  });

  it('is decided in time that grows with what is sent, and no faster', () => {
    // Anything quadratic would take minutes over this.
    for (const piece of ['"",', '""', '" ', 'W/"a", ', ',,, '])
      isNotModified({ 'if-none-match': piece.repeat(500_000) }, validators);
  });
});

describe('a range', () => {
  const of = (range: string, ifRange?: string) =>
    rangeOf({ range, ...(ifRange === undefined ? {} : { 'if-range': ifRange }) }, validators, 100);

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['BYTES=90-', 90, 99],
    ['bytes=90-1000', 90, 99],
    ['bytes=-10', 90, 99],
    ['bytes=-1000', 0, 99],
  ])('%s', (range, first, last) => {
    expect(of(range)).toEqual({ first, last });
  });

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0'])('%s asks for nothing that is there', (range) => {
    expect(of(range)).toBeNull();
  });

  it.each([
    '',
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=0-1,5-6',
    'lines=0-1',
    'bytes=a-b',
    'bytes 0-1',
    'bytes=0x1-2',
  ])('"%s" is ignored', (range) => {
    expect(of(range)).toBeUndefined();
  });

  it('is of the list that is there, or else the whole', () => {
    expect(of('bytes=0-9', etag)).toEqual({ first: 0, last: 9 });
    expect(of('bytes=0-9', date(lastModified))).toEqual({ first: 0, last: 9 });
    for (const other of ['"full-6-crl"', `W/${etag}`, date(lastModified + 1_000), 'x'])
      expect(of('bytes=0-9', other)).toBeUndefined();
  });

  it('never leaves what is there', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(200), fc.nat(200), fc.nat(50), (noise, a, b, length) => {
        for (const range of [`bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`, `bytes=${noise}`]) {
          const found = rangeOf({ range }, validators, length);
          if (found) {
            expect(found.first).toBeGreaterThanOrEqual(0);
            expect(found.first).toBeLessThanOrEqual(found.last);
            expect(found.last).toBeLessThan(length);
          }
        }
      }),
    );
  });
});
