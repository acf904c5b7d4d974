/** Commands that a device receives: bytes from the network, and not all of them commands. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { obey } from '../../device-sim/device/orders.ts';

const identity = {
  deviceId: parseDeviceId('press-7'),
  serialNumber: parseSerialNumber('0A1B'),
  notAfter: Date.parse('2026-01-01T00:00:00Z'),
};

function order(content: unknown) {
  const intervals: number[] = [];
  const payload = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { answer: obey(payload, { identity, setInterval: (ms) => intervals.push(ms) }), intervals };
}

describe('a command', () => {
  it('ping is answered with pong, and with the id it came with', () => {
    expect(order({ command: 'ping', id: 'q1' }).answer).toEqual({
      ok: true,
      command: 'ping',
      id: 'q1',
      answer: 'pong',
    });
  });

  it('identify tells who it is, and never the key', () => {
    const { answer } = order({ command: 'identify' });
    expect(answer).toEqual({
      ok: true,
      command: 'identify',
      deviceId: 'press-7',
      serialNumber: '0A1B',
      notAfter: '2026-01-01T00:00:00.000Z',
    });
  });

  it('set-interval sets it', () => {
    expect(order({ command: 'set-interval', seconds: 2 }).intervals).toEqual([2_000]);
  });
});

describe('what is not a command', () => {
  it.each([
    ['an unknown one', { command: 'explode' }],
    ['an interval of nothing', { command: 'set-interval', seconds: 0 }],
    ['an interval beyond a day', { command: 'set-interval', seconds: 1e9 }],
    ['an interval that is text', { command: 'set-interval', seconds: '5' }],
    ['a field too many', { command: 'ping', shell: 'rm' }],
    ['an array', []],
    ['null', null],
    ['bytes that are not JSON', Buffer.from('{')],
    ['more than a line of JSON', Buffer.from(`${' '.repeat(5_000)}{"command":"ping"}`)],
  ])('%s is answered so, and changes nothing', (_what, content) => {
    const { answer, intervals } = order(content);
    expect(answer.ok).toBe(false);
    expect(intervals).toEqual([]);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof order(Buffer.from(bytes)).answer.ok).toBe('boolean');
      }),
    );
  });
});
