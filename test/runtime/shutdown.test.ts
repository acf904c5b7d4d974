/** How a process ends: once everything is closed, whenever it was asked to, and with a word why. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
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

describe('a signal behind another', () => {
  const exit = jest.spyOn(process, 'exit');
  beforeEach(() => {
    jest.useFakeTimers();
    exit.mockReset().mockImplementation(() => undefined as never);
  });
  afterEach(() => {
    jest.useRealTimers();
    for (const name of ['SIGINT', 'SIGTERM']) process.removeAllListeners(name);
  });

  /** One that takes its time to close. */
  async function closing(ask: (failure: AbortController) => void) {
    const { log, closers } = started();
    closers.add('slow', () => new Promise(() => {}));
    const failure = new AbortController();
    void untilShutdown(closers, log, failure.signal);
    ask(failure);
    await Promise.resolve();
  }

  it.each([
    ['SIGINT', () => void process.emit('SIGINT')],
    ['the end of the pipe', (failure: AbortController) => failure.abort(new Error('gone'))],
  ])('that is the same request as %s ends nothing at once', async (_name, ask) => {
    await closing(ask);
    jest.advanceTimersByTime(999);
    process.emit('SIGINT');
    process.emit('SIGTERM');
    expect(exit).not.toHaveBeenCalled();
  });

  it('that comes later ends the process at once, with code 1', async () => {
    await closing(() => void process.emit('SIGTERM'));
    jest.advanceTimersByTime(1_000);
    process.emit('SIGINT');
    expect(exit.mock.calls).toEqual([[1]]);
  });

  it('is not needed where closing takes too long', async () => {
    await closing(() => void process.emit('SIGTERM'));
    jest.advanceTimersByTime(10_000);
    expect(exit.mock.calls).toEqual([[1]]);
  });
});
