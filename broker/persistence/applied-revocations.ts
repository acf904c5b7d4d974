/**
 * Up to which row of the registry's journal revocations have taken effect on what is stored: by it a later start, or a
 * reader that lags behind, knows whether what a device has here is from before its last revocation. Noted in the order
 * of what it tells of, and so never on the disk before that.
 */
import type { Database } from 'better-sqlite3';
import type { DeviceId } from '../../core/ids.ts';
import type { GroupCommit } from './sqlite/group-commit.ts';

/** A row of the registry's journal. */
export interface JournalPlace {
  readonly seq: number;
  readonly hash: string;
}

export class AppliedRevocations {
  readonly #statements;
  readonly #commit: GroupCommit;
  readonly #ahead = new Map<DeviceId, number>();
  #applied: JournalPlace;

  constructor({ database, commit }: { readonly database: Database; readonly commit: GroupCommit }) {
    this.#commit = commit;
    this.#statements = prepare(database);
    this.#applied = this.#statements.applied.get() ?? { seq: 0, hash: '' };
    for (const { device, seq } of this.#statements.ahead.iterate()) this.#ahead.set(device, seq);
  }

  /** All that was committed with this row, and before, has taken effect. */
  get applied(): JournalPlace {
    return this.#applied;
  }

  /** Whether what is stored for the device may be from before `revokedSeq`, as the registry tells it. */
  isOutstanding(device: DeviceId, revokedSeq: number | null): boolean {
    return revokedSeq !== null && revokedSeq > this.#applied.seq && !this.isAhead(device, revokedSeq);
  }

  /** Whether the device's revocations up to this row have taken effect ahead of the others'. */
  isAhead(device: DeviceId, seq: number): boolean {
    return (this.#ahead.get(device) ?? 0) >= seq;
  }

  /** After what they end was removed. @param seq of the journal's last row when the registry was asked about the device */
  noteAhead(device: DeviceId, seq: number): void {
    this.#ahead.set(device, seq);
    this.#commit.post(() => this.#statements.putAhead.run(device, seq));
  }

  /** After all rows up to this one took effect, the last of a transaction. */
  noteApplied(place: JournalPlace): void {
    if (place.seq === this.#applied.seq && place.hash === this.#applied.hash) return;
    this.#applied = place;
    const behind = [...this.#ahead].filter(([, seq]) => seq <= place.seq).map(([device]) => device);
    for (const device of behind) this.#ahead.delete(device);
    this.#commit.post(() => {
      this.#statements.putApplied.run(place);
      for (const device of behind) this.#statements.removeAhead.run(device);
    });
  }

  /** What was noted is of another registry, or of a history that this one no longer has: nothing of it counts. */
  forget(): void {
    const devices = [...this.#ahead.keys()];
    const nothing = { seq: 0, hash: '' };
    this.#applied = nothing;
    this.#ahead.clear();
    this.#commit.post(() => {
      this.#statements.putApplied.run(nothing);
      for (const device of devices) this.#statements.removeAhead.run(device);
    });
  }
}

function prepare(database: Database) {
  return {
    applied: database.prepare<[], JournalPlace>('SELECT seq, hash FROM journalApplied'),
    ahead: database.prepare<[], { readonly device: DeviceId; readonly seq: number }>(
      'SELECT device, seq FROM revocationsAhead',
    ),
    putApplied: database.prepare<JournalPlace>(
      'INSERT OR REPLACE INTO journalApplied VALUES (1, @seq, @hash)',
    ),
    putAhead: database.prepare<[DeviceId, number]>('INSERT OR REPLACE INTO revocationsAhead VALUES (?, ?)'),
    removeAhead: database.prepare<[DeviceId]>('DELETE FROM revocationsAhead WHERE device = ?'),
  };
}
