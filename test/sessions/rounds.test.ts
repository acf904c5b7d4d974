/** What is done in which transaction: none is without end, and nobody waits for long who asks for little. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Round, Rounds } from '../../broker/persistence/sqlite/rounds.ts';

/** Rows of a round, and of a part: by as much a round may be larger. */
const ROUND = 60_000;
const PART = 3_000;

/** Names what each task is about. */
class Asking {
  readonly rounds = new Rounds();
  readonly #names = new Map<unknown, string>();

  ask(name: string, publisher?: string, rows = 0): void {
    this.rounds.separate();
    const part = this.rounds.partOf(publisher === undefined ? undefined : { publisher, rows });
    const task = { part, change: () => {}, settle: null, isSynced: true, result: undefined };
    this.#names.set(task, name);
    this.rounds.add(task);
  }

  namesOf({ tasks }: Round): string[] {
    return tasks.map((task) => this.#names.get(task) ?? '');
  }

  next(): string[] {
    return this.namesOf(this.rounds.next());
  }
}

const rowsOf = ({ parts }: Round) => parts.reduce((sum, { rows }) => sum + rows, 0);
const publishersOf = ({ parts }: Round) => parts.map(({ publisher }) => publisher);

describe('a thousand publishers at once, each with a message for thousands', () => {
  it('are in many rounds, each of them once and in its turn', () => {
    const asking = new Asking();
    const publishers = Array.from({ length: 1_000 }, (_, index) => `device-${index}`);
    for (const publisher of publishers) asking.ask('message', publisher, 2_400);
    const seen: (string | undefined)[] = [];
    while (!asking.rounds.isEmpty) {
      const round = asking.rounds.next();
      expect(rowsOf(round)).toBeLessThanOrEqual(ROUND + 2_400);
      seen.push(...publishersOf(round));
    }
    expect(seen).toEqual(publishers);
  });

  it('keep nobody waiting who publishes to a few, however late', () => {
    const asking = new Asking();
    for (let index = 0; index < 1_000; index++) asking.ask('message', `device-${index}`, 2_400);
    asking.next();
    asking.ask('late', 'quiet', 3);
    expect(asking.next()).toContain('late');
  });

  it('wait in turn for those who go on and on', () => {
    const asking = new Asking();
    for (let index = 0; index < 100; index++) asking.ask('first', `device-${index}`, 2_400);
    const found: string[] = [];
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < 25; index++) asking.ask('again', `restless-${index}`, 2_000);
      found.push(...asking.next());
    }
    expect(found.filter((name) => name === 'first')).toHaveLength(100);
  });
});

describe('publishers with much', () => {
  it('share each round equally', () => {
    const asking = new Asking();
    const publishers = ['one', 'two', 'three', 'four'];
    for (const publisher of publishers) {
      for (let count = 0; count < 50; count++) asking.ask('message', publisher, 2_400);
    }
    for (let index = 0; index < 3; index++) {
      const { parts } = asking.rounds.next();
      for (const publisher of publishers) {
        const rows = rowsOf({ parts: parts.filter((part) => part.publisher === publisher), tasks: [] });
        expect(Math.abs(rows - ROUND / publishers.length)).toBeLessThanOrEqual(2 * PART);
      }
    }
  });

  it('do not keep what is no publisher’s waiting', () => {
    const asking = new Asking();
    for (let count = 0; count < 50; count++) asking.ask('message', 'loud', 2_400);
    asking.ask('nobody’s');
    expect(asking.next()).toContain('nobody’s');
  });
});

it('whatever is asked for is in one round, each publisher’s in its order, and no round is too large', () => {
  const message = fc.record({
    publisher: fc.constantFrom('one', 'two', 'three'),
    rows: fc.nat(20_000),
    isEnd: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
      const asking = new Asking();
      const done: string[] = [];
      const takeRound = () => {
        const round = asking.rounds.next();
        expect(rowsOf(round)).toBeLessThanOrEqual(ROUND + PART + 20_000);
        done.push(...asking.namesOf(round));
      };
      messages.forEach(({ publisher, rows, isEnd }, index) => {
        asking.ask(`${publisher} ${index}`, publisher, rows);
        if (isEnd) takeRound();
      });
      while (!asking.rounds.isEmpty) takeRound();
      for (const publisher of ['one', 'two', 'three']) {
        const asked = messages.flatMap((one, index) => (one.publisher === publisher ? [index] : []));
        const order = done.filter((name) => name.startsWith(`${publisher} `));
        expect(order).toEqual(asked.map((index) => `${publisher} ${index}`));
      }
    }),
  );
});
