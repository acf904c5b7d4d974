/** Refusals on their way to be told: counted, cut to a length, and never more than there is room for. */
import { describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import { MAX_TEXT_SHOWN, MAX_TOPIC_SHOWN, type Refusal, shownText } from '../../core/observations/refusal.ts';
import { RefusalLedger } from '../../core/observations/refusal-ledger.ts';

const pump = parseDeviceId('pump');
const press = parseDeviceId('press');

function refusal(change: Partial<Refusal> = {}): Refusal {
  return {
    action: 'publish',
    rule: 'publish_denied',
    topic: 'a/b',
    detail: 'not granted',
    serialNumber: '01',
    clientId: 'pump',
    address: '192.0.2.1',
    ...change,
  };
}

function ledger() {
  const [devices, few] = [
    { each: 3, total: 5 },
    { each: 2, total: 3 },
  ];
  return new RefusalLedger({ devices, claims: few, strangers: few });
}

describe('a ledger of refusals', () => {
  it('counts those that differ in nothing but their time, and keeps the newest words', () => {
    const all = ledger();
    all.note(pump, refusal({ address: '192.0.2.1' }), 10);
    all.note(pump, refusal({ address: '192.0.2.2' }), 20);
    expect(all.take(10).refusals).toEqual([
      { device: pump, ...refusal({ address: '192.0.2.2' }), count: 2, firstAt: 10, lastAt: 20 },
    ]);
    expect(all.size).toBe(0);
    expect(all.take(10)).toEqual({ refusals: [], claims: [], strangers: [] });
  });

  it('tells apart by action, rule and topic, whatever a topic holds', () => {
    const all = new RefusalLedger();
    all.note(pump, refusal({ topic: null }), 1);
    all.note(pump, refusal({ topic: 'x' }), 1);
    all.note(pump, refusal({ action: 'deliver', topic: 'x' }), 1);
    all.note(pump, refusal({ topic: 'publish\npublish_denied\nx' }), 1);
    all.note(press, refusal({ topic: 'x' }), 1);
    expect(all.take(10).refusals.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1]);
  });

  it('keeps the newest of a device that is refused ten thousand things', () => {
    const all = ledger();
    for (let index = 0; index < 10_000; index++) all.note(pump, refusal({ topic: `t/${index}` }), index);
    expect(all.size).toBe(3);
    expect(all.take(10).refusals.map(({ topic }) => topic)).toEqual(['t/9997', 't/9998', 't/9999']);
  });

  it('keeps what goes on happening, though others are newer', () => {
    const all = ledger();
    for (const [index, topic] of ['a', 'b', 'a', 'c', 'a', 'd'].entries()) {
      all.note(pump, refusal({ topic }), index);
    }
    expect(all.take(10).refusals).toMatchObject([
      { topic: 'c' },
      { topic: 'a', count: 3, firstAt: 0, lastAt: 4 },
      { topic: 'd' },
    ]);
  });

  it('keeps no more than so many in all: those of whoever was not refused for longest make room', () => {
    const all = ledger();
    const devices = Array.from({ length: 50 }, (_, index) => parseDeviceId(`d${index}`));
    all.note(pump, refusal(), 0);
    for (const [index, device] of devices.entries()) all.note(device, refusal(), index);
    expect(all.size).toBe(5);
    expect(all.take(10).refusals.map(({ device }) => device)).toEqual(devices.slice(-5));
  });

  it('lets no claim push out what a device was refused, nor be taken for it', () => {
    const all = ledger();
    all.note(pump, refusal(), 0);
    for (let index = 0; index < 1_000; index++) {
      all.noteClaim(pump, refusal({ address: `a${index}` }), index);
      all.noteClaim(parseDeviceId(`x${index}`), refusal(), index);
    }
    const { refusals, claims } = all.take(10);
    expect(refusals).toMatchObject([{ device: pump, count: 1 }]);
    expect(claims).toHaveLength(3);
  });

  it('lets no stranger push out what was claimed or refused, whatever the address', () => {
    const all = ledger();
    all.note(pump, refusal(), 0);
    all.noteClaim(pump, refusal(), 0);
    for (let index = 0; index < 1_000; index++) {
      all.noteStranger(refusal({ address: `a${index}` }), index);
      all.noteStranger(refusal({ address: 'same', rule: 'tls_handshake_failed' }), index);
    }
    const { refusals, claims, strangers } = all.take(10);
    expect([refusals.length, claims.length]).toEqual([1, 1]);
    expect(strangers).toMatchObject([
      { address: 'a998' },
      { address: 'a999' },
      { address: 'same', count: 1_000 },
    ]);
  });

  it('hands on a part at a time', () => {
    const all = ledger();
    for (const topic of ['a', 'b', 'c']) all.note(pump, refusal({ topic }), 0);
    expect([all.take(2), all.take(2), all.take(2)].map(({ refusals }) => refusals.length)).toEqual([2, 1, 0]);
  });

  it('cuts what strangers say to a length', () => {
    const all = ledger();
    const long = 'x'.repeat(70_000);
    all.note(pump, refusal({ topic: long, detail: long, clientId: long, serialNumber: long }), 0);
    const [entry] = all.take(1).refusals;
    expect(entry?.topic).toHaveLength(MAX_TOPIC_SHOWN);
    for (const text of [entry?.detail, entry?.clientId, entry?.serialNumber]) {
      expect(text).toHaveLength(MAX_TEXT_SHOWN);
    }
  });
});

describe('text that is shown', () => {
  it.each([
    ['\ud800', '\ufffd'],
    ['a\udc00b', 'a\ufffdb'],
    ['\u{1f600}', '\u{1f600}'],
  ])('%j is well-formed', (text, shown) => expect(shownText(text)).toBe(shown));

  it('is so where a pair is cut in two', () => {
    expect(shownText('ab\u{1f600}cd', 4)).toBe('ab\ufffd…');
  });
});
