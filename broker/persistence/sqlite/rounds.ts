/**
 * What is asked for and has not begun, in rounds: each is one transaction. A publisher has a share of a round, and what it asks
 * for beyond that is in the next ones, in order: so who publishes little does not wait for who publishes to thousands. What is
 * no publisher's is in the first round that has not begun, ahead of whatever publishers were put off with.
 */
import type { GatehouseError } from '../../../core/errors.ts';

/** Rows of one publisher in a round; a single message may have more. Fewer would write the pages of large queues more often. */
const SHARE = 60_000;

export interface Task {
  readonly change: () => unknown;
  /** Null where nobody waits. */
  readonly settle: ((result: unknown, error: GatehouseError | null) => void) | null;
  /** Whether to wait for the disk, too. */
  readonly isSynced: boolean;
  result: unknown;
}

/** Whose change it is, as far as it is a publisher's, and how many rows it is about. */
export interface Share {
  readonly publisher: string;
  readonly rows: number;
}

/** What a publisher has in a round. */
interface Part {
  rows: number;
  /** Of what was asked for last. */
  group: number;
}

export class Round {
  readonly tasks: Task[] = [];
  readonly parts = new Map<string, Part>();
  /** Of those who only wait for its end. */
  flush: Promise<void> | undefined;
}

export class Rounds {
  /** The next one first. */
  #rounds: Round[] = [];
  #group = 0;

  get isEmpty(): boolean {
    return this.#rounds.length === 0;
  }

  /** What a publisher asks for from here on need not be in one round with what it asked for before. */
  separate(): void {
    this.#group++;
  }

  /** The round that is to do what is asked for now; without a share, what is no publisher's. */
  roundOf(share?: Share): Round {
    if (share === undefined) return this.#at(0);
    const { publisher, rows } = share;
    const index = Math.max(
      0,
      this.#rounds.findLastIndex(({ parts }) => parts.has(publisher)),
    );
    const part = this.#rounds[index]?.parts.get(publisher);
    const isFull = part !== undefined && part.rows >= SHARE && part.group !== this.#group;
    const round = this.#at(isFull ? index + 1 : index);
    const rowsBefore = isFull ? 0 : (part?.rows ?? 0);
    round.parts.set(publisher, { rows: rowsBefore + rows, group: this.#group });
    return round;
  }

  /** Behind everything that was asked for. */
  last(): Round {
    return this.#at(Math.max(0, this.#rounds.length - 1));
  }

  /** The next one, which begins: what is asked for from here on is in others. */
  begin(): Round | undefined {
    return this.#rounds.shift();
  }

  /** Everything, which is not to be done any more. */
  clear(): readonly Task[] {
    return this.#rounds.splice(0).flatMap(({ tasks }) => tasks);
  }

  #at(index: number): Round {
    const round = this.#rounds[index] ?? new Round();
    this.#rounds[index] = round;
    return round;
  }
}
