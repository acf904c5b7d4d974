/** The bytes on their way to a device: few writes, and a bound on what waits. */
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Output } from '../../broker/front/output.ts';
import { Line } from './samples.ts';

/** A socket that takes the next write only when it is told to. */
class SlowLine extends Line {
  readonly writes: string[] = [];
  #callback: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.writes.push(String(chunk));
    this.#callback = callback;
  }

  async drain(): Promise<void> {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
    await turn();
  }
}

let line: SlowLine;
let output: Output;
const onStalled = jest.fn();
beforeEach(() => {
  jest.useRealTimers();
  onStalled.mockClear();
  line = new SlowLine();
  output = new Output({ socket: line, drainTime: 1_000, onStalled, highWater: 10 });
});

function say(text: string): void {
  output.append(Buffer.from(text), 0, text.length);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('bytes', () => {
  it('of one stretch of work leave in one write, at its end', async () => {
    for (const text of ['a', 'b', 'c']) say(text);
    expect(line.writes).toEqual([]);
    await turn();
    expect(line.writes).toEqual(['abc']);
  });

  it('that come while a write is under way leave with the next one, in order', async () => {
    say('a');
    await turn();
    for (const text of ['b', 'c', 'd'.repeat(300)]) {
      say(text);
      await turn();
    }
    expect(line.writes).toEqual(['a']);
    await line.drain();
    expect(line.writes).toEqual(['a', `bc${'d'.repeat(300)}`]);
  });

  it('that wait go out before the end', async () => {
    say('a');
    await turn();
    say('b');
    output.finish(1_000);
    await line.drain();
    await line.drain();
    expect(line.writes).toEqual(['a', 'b']);
    expect(line.writableFinished).toBe(true);
  });

  it('that are owed to the disk go out before the end, and what is said behind it does not', async () => {
    output.owe();
    output.finish(1_000);
    await turn();
    expect(line.writableEnded).toBe(false);
    say('acknowledged');
    output.settle();
    await turn();
    await line.drain();
    expect([line.writes, line.writableFinished]).toEqual([['acknowledged'], true]);
    say('behind');
    await turn();
    expect(line.writes).toEqual(['acknowledged']);
  });

  it.each(['it does not read', 'the disk does not answer', 'it does not close'])(
    'keep a connection that ends open for no longer than it may take where %s',
    async (reason) => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
      if (reason === 'it does not read') say('a');
      if (reason === 'the disk does not answer') output.owe();
      output.finish(1_000);
      await turn();
      jest.advanceTimersByTime(999);
      expect(line.destroyed).toBe(false);
      jest.advanceTimersByTime(1);
      expect(line.destroyed).toBe(true);
    },
  );
});

describe('an output that is full', () => {
  beforeEach(async () => {
    say('under way');
    await turn();
    say('0123456789');
  });

  it('says when there is room again', async () => {
    const onRoom = jest.fn();
    expect(output.isFull).toBe(true);
    output.whenRoom(onRoom);
    await turn();
    expect(onRoom).not.toHaveBeenCalled();
    await line.drain();
    expect([output.isFull, onRoom.mock.calls.length]).toEqual([false, 1]);
  });

  it('stalls where it stays so', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    const other = new SlowLine();
    const full = new Output({ socket: other, drainTime: 1_000, onStalled, highWater: 1 });
    full.append(Buffer.from('a'), 0, 1);
    await turn();
    full.append(Buffer.from('b'), 0, 1);
    jest.advanceTimersByTime(999);
    expect(onStalled).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(onStalled).toHaveBeenCalledTimes(1);
    full.close();
  });

  it('stalls too where what filled it is under way already, and somebody waits', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    const other = new SlowLine();
    const full = new Output({ socket: other, drainTime: 1_000, onStalled, highWater: 1 });
    full.append(Buffer.from('a'), 0, 1);
    full.whenRoom(() => {});
    await turn();
    jest.advanceTimersByTime(1_000);
    expect(onStalled).toHaveBeenCalledTimes(1);
    full.close();
  });

  it('does not where it is taken in time', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    const other = new SlowLine();
    const full = new Output({ socket: other, drainTime: 1_000, onStalled, highWater: 1 });
    for (let round = 0; round < 5; round++) {
      full.append(Buffer.from('a'), 0, 1);
      await turn();
      full.append(Buffer.from('b'), 0, 1);
      jest.advanceTimersByTime(900);
      await other.drain();
      await other.drain();
    }
    expect(onStalled).not.toHaveBeenCalled();
    full.close();
  });
});
