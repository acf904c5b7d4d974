/**
 * What is asked for and has not begun, and what of it is next: a round, which is one transaction of bounded size. Publishers
 * share it by weighted fair queueing (Demers, Keshav, Shenker, SIGCOMM 1989), with rows in place of bits: what is due first is
 * done first, and it is due when it would be done if each publisher had a row in turn. So who publishes little waits neither
 * for one who publishes to thousands nor for thousands who publish. What is no publisher's is always in the next round, ahead
 * of whatever publishers were put off with.
 */
import type { GatehouseError } from '../../../core/errors.ts';

/** Rows of publishers in a round, and what is left of its last part. Fewer would write the pages of large queues more often. */
const ROUND_ROWS = 60_000;
/** Rows of one publisher from which on its next message is a part of its own: larger ones share a round less fairly. */
const PART_ROWS = 3_000;

/** Whose change it is, as far as it is a publisher's, and how many rows it is about. */
export interface Share {
  readonly publisher: string;
  readonly rows: number;
}

/** What is done in one and the same round: of one publisher, or of none. */
export interface Part {
  readonly publisher: string | undefined;
  rows: number;
  /** In rows that each publisher has had by then. */
  due: number;
  /** Of what was asked for last. */
  group: number;
  hasBegun: boolean;
  /** Of those who only wait for its end. */
  flush: Promise<void> | undefined;
}

export interface Task {
  readonly part: Part;
  readonly change: () => unknown;
  /** Null where nobody waits. */
  readonly settle: ((result: unknown, error: GatehouseError | null) => void) | null;
  /** Whether to wait for the disk, too. */
  readonly isSynced: boolean;
  result: unknown;
}

export interface Round {
  readonly parts: readonly Part[];
  /** In the order in which they were asked for. */
  readonly tasks: readonly Task[];
}

export class Rounds {
  #parts: Part[] = [];
  #tasks: Task[] = [];
  #nobodys: Part | undefined;
  /** Of each publisher; also of those that have begun, as long as anything waits. */
  readonly #last = new Map<string, Part>();
  /** Of all parts. */
  #rows = 0;
  /** Rows that each publisher has had since nothing waited. */
  #clock = 0;
  #group = 0;

  get isEmpty(): boolean {
    return this.#tasks.length === 0;
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** What a publisher asks for from here on need not be in one round with what it asked for before. */
  separate(): void {
    this.#group++;
  }

  /** Where what is asked for now belongs; without a share, what is no publisher's. */
  partOf(share?: Share): Part {
    if (share === undefined) {
      this.#nobodys ??= this.#begin(undefined, Number.NEGATIVE_INFINITY);
      return this.#nobodys;
    }
    const { publisher, rows } = share;
    const part = this.#partOf(publisher);
    part.rows += rows;
    part.due += rows;
    part.group = this.#group;
    this.#rows += rows;
    return part;
  }

  add(task: Task): void {
    this.#tasks.push(task);
  }

  /** The next round. What is asked for from here on is in others. */
  next(): Round {
    const parts = this.#takeParts();
    for (const part of parts) part.hasBegun = true;
    this.#nobodys = undefined;
    const tasks = this.#tasks;
    this.#tasks = tasks.filter(({ part }) => !part.hasBegun);
    return { parts, tasks: this.isEmpty ? tasks : tasks.filter(({ part }) => part.hasBegun) };
  }

  /** Takes out all that is a publisher's, which is not to be done any more. Returns its parts. */
  abandon(): readonly Part[] {
    const abandoned = this.#parts.filter(({ publisher }) => publisher !== undefined);
    this.#parts = this.#parts.filter(({ publisher }) => publisher === undefined);
    this.#tasks = this.#tasks.filter(({ part }) => part.publisher === undefined);
    this.#forget();
    return abandoned;
  }

  /** Takes out everything, which is not to be done any more. */
  clear(): readonly Task[] {
    const tasks = this.#tasks;
    this.abandon();
    this.next();
    return tasks;
  }

  #partOf(publisher: string): Part {
    const last = this.#last.get(publisher);
    if (last !== undefined && this.#isOpen(last)) return last;
    const part = this.#begin(publisher, Math.max(this.#clock, last?.due ?? 0));
    this.#last.set(publisher, part);
    return part;
  }

  #isOpen({ hasBegun, rows, group }: Part): boolean {
    return !hasBegun && (rows < PART_ROWS || group === this.#group);
  }

  #begin(publisher: string | undefined, due: number): Part {
    const part = { publisher, due, rows: 0, group: this.#group, hasBegun: false, flush: undefined };
    this.#parts.push(part);
    return part;
  }

  /** Of those that are due at the same time, and so of each publisher's, the ones that were asked for first. */
  #takeParts(): readonly Part[] {
    if (this.#rows <= ROUND_ROWS) {
      this.#forget();
      return this.#parts.splice(0);
    }
    const publishers = new Set(this.#parts.map(({ publisher }) => publisher)).size;
    this.#parts.sort((one, other) => one.due - other.due);
    let rows = 0;
    const end = this.#parts.findIndex((part) => {
      if (rows >= ROUND_ROWS) return true;
      rows += part.rows;
      return false;
    });
    this.#rows -= rows;
    this.#clock += rows / publishers;
    return this.#parts.splice(0, end < 0 ? this.#parts.length : end);
  }

  /** Nothing of publishers waits any more. */
  #forget(): void {
    this.#last.clear();
    this.#rows = 0;
    this.#clock = 0;
  }
}
