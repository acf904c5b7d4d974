/** How a process ends: once everything is closed, whenever it was asked to, and with a word why. */
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Closers, untilShutdown } from '../../runtime/shutdown.ts';

function started() {
  const lines: { msg: string }[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line) => void lines.push(JSON.parse(line)) });
  const closed: string[] = [];
  const closers = new Closers();
  closers.add('store', () => void closed.push('store'));
  closers.add('listener', () => void closed.push('listener'));
  return { lines, log, closed, closers };
}

describe('a process that is to end', () => {
  it('closes what it opened last first, and says why it ends and that it has', async () => {
    const { lines, log, closed, closers } = started();
    const failure = new AbortController();
    const ended = untilShutdown(closers, log, failure.signal);
    expect(closed).toEqual([]);
    failure.abort(new Error('the disk is full'));
    await ended;
    expect(closed).toEqual(['listener', 'store']);
    expect(lines).toEqual([
      { level: 30, reason: 'the disk is full', msg: 'shutting down' },
      { level: 30, seconds: expect.any(Number), msg: 'stopped' },
    ]);
  });

  it('ends too where it was asked to before it began to wait', async () => {
    const { log, closed, closers } = started();
    await untilShutdown(closers, log, AbortSignal.any([AbortSignal.abort(new Error('the disk is full'))]));
    expect(closed).toEqual(['listener', 'store']);
  });
});
