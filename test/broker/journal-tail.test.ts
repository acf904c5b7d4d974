/** The reader of the journal: every row once it is there, in order, and again where it did not take effect. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { JournalTail } from '../../broker/tail/journal-tail.ts';
import { GatehouseError } from '../../core/errors.ts';
import { parseDeviceId } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { eventually } from '../support/eventually.ts';

const log = pino({ level: 'silent' });
const tails: JournalTail[] = [];
const replaced: GatehouseError[] = [];
const caughtUp: number[] = [];
// The tail looks without being told to, each time that its interval is over: here when a test says so.
beforeEach(() => {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'performance', 'Date', 'queueMicrotask'],
  });
});
afterEach(() => {
  replaced.length = 0;
  caughtUp.length = 0;
  for (const tail of tails.splice(0)) tail.close();
  jest.useRealTimers();
});

function row(seq: number): JournalRow {
  const event = {
    action: 'device.suspended',
    subject: parseDeviceId('dev-1'),
    data: { serialNumbers: [] },
  } as const;
  return { seq, time: 0, actor: 'system', event, previousHash: `hash ${seq - 1}`, hash: `hash ${seq}` };
}

/** A journal in memory, with `head` rows that were there before. */
class Journal {
  readonly rows: JournalRow[] = [];
  failing = false;
  /** Tells the watcher of a failure. */
  fail: (error: unknown) => void = () => {};
  #onChange = () => {};

  constructor(head: number) {
    this.append(head);
  }

  append(count: number): void {
    for (let index = 0; index < count; index++) this.rows.push(row(this.rows.length + 1));
    this.#onChange();
  }

  async journal(after: number, limit: number) {
    if (this.failing) throw new Error('the disk is gone');
    return this.rows.slice(after, after + limit);
  }

  async journalHead() {
    return this.rows.length;
  }

  watch(onChange: () => void, onError: (error: unknown) => void = () => {}) {
    this.#onChange = onChange;
    this.fail = onError;
    return () => {
      this.#onChange = () => {};
    };
  }
}

async function follow(
  journal: Journal,
  apply: (row: JournalRow) => Promise<void>,
  cut: (row: JournalRow) => Promise<void> = async () => {},
): Promise<JournalTail> {
  const tail = new JournalTail({
    registry: journal,
    cut: async (rows) => {
      for (const row of rows) await cut(row);
    },
    apply,
    onCaughtUp: ({ seq }) => caughtUp.push(seq),
    onReplaced: (error) => replaced.push(error),
    onSilence: () => {},
    log,
  });
  tails.push(tail);
  await tail.start();
  tail.follow();
  return tail;
}

describe('the tail of the journal', () => {
  it('begins behind what is there, and misses nothing of more than a page', async () => {
    const journal = new Journal(7);
    const seen: number[] = [];
    await follow(journal, async ({ seq }) => void seen.push(seq));
    journal.append(1_203);
    await eventually(() => seen.length === 1_203);
    expect(seen).toEqual(Array.from({ length: 1_203 }, (_, index) => index + 8));
  });

  it('applies no row before the one before it has taken effect', async () => {
    const journal = new Journal(0);
    let running = 0;
    let most = 0;
    let done = 0;
    await follow(journal, async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      done++;
    });
    journal.append(3);
    journal.append(2);
    await eventually(() => done === 5);
    expect(most).toBe(1);
  });

  it('cuts off by all rows that are there before the first of them takes effect otherwise', async () => {
    const journal = new Journal(0);
    const seen: string[] = [];
    await follow(
      journal,
      async ({ seq }) => void seen.push(`apply ${seq}`),
      async ({ seq }) => void seen.push(`cut ${seq}`),
    );
    journal.append(2);
    await eventually(() => seen.length === 4);
    expect(seen).toEqual(['cut 1', 'cut 2', 'apply 1', 'apply 2']);
  });

  it('applies a row again that did not take effect, and then goes on', async () => {
    const journal = new Journal(0);
    const seen: number[] = [];
    const tail = await follow(journal, async ({ seq }) => {
      seen.push(seq);
      if (seen.length === 2) throw new Error('not yet');
    });
    journal.append(3);
    await eventually(() => seen.length === 4);
    expect(seen).toEqual([1, 2, 2, 3]);
    await eventually(() => tail.silence() === 0);
  });

  it('tells for how long it could not read, even if nothing wakes it', async () => {
    const journal = new Journal(0);
    const seen: number[] = [];
    const tail = await follow(journal, async ({ seq }) => void seen.push(seq));
    journal.failing = true;
    jest.advanceTimersToNextTimer();
    await eventually(() => tail.silence() > 0);
    journal.append(1);
    journal.failing = false;
    await eventually(() => seen.length === 1);
    expect(tail.silence()).toBe(0);
  });
});

describe('a registry that was replaced', () => {
  it.each([
    ['whose journal is shorter', (journal: Journal) => journal.rows.splice(2)],
    [
      'whose journal is another one',
      (journal: Journal) => journal.rows.push({ ...row(6), previousHash: 'of another journal' }),
    ],
    ['of which the watch tells', (journal: Journal) => journal.fail(new GatehouseError('registry_replaced'))],
  ])('%s is read no further, and never counts as read again', async (_, replace) => {
    const journal = new Journal(5);
    const seen: number[] = [];
    const tail = await follow(journal, async ({ seq }) => void seen.push(seq));
    replace(journal);
    journal.append(0);
    await eventually(() => replaced.length > 0);
    journal.append(10);
    await new Promise(setImmediate);
    expect(replaced).toMatchObject([{ code: 'registry_replaced' }]);
    expect(tail.silence()).toBe(Number.POSITIVE_INFINITY);
    expect(seen).toEqual([]);
  });
});
