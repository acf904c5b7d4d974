/**
 * What CRLs are made of, row by row, at one moment: on a connection of its own, for the thread that builds them. It
 * reads along covering indexes, without touching the table.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Fingerprint, SerialNumber } from '../../core/ids.ts';
import { type ChainHead, emptyChain } from '../../core/journal/chain.ts';
import type { RevocationReason } from '../../core/pki/revocation-reason.ts';
import { connectReader } from './connection.ts';

export interface RevokedRow {
  readonly serialNumber: SerialNumber;
  readonly revokedAt: number;
  readonly reason: RevocationReason;
}

export interface ChangedRow {
  readonly serialNumber: SerialNumber;
  /** Null where it stands again. */
  readonly revokedAt: number | null;
  readonly reason: RevocationReason | null;
  /** Of the journal row that changed it. */
  readonly statusSeq: number;
}

export interface CrlRowsQuery {
  readonly issuer: Fingerprint;
  /** ms: what expired before has left the list. */
  readonly expiresFrom: number;
  /** What changed after this row of the journal is told of as well. */
  readonly changedSince: number;
}

export interface CrlRowsReceiver {
  /** Each that stands no more. */
  revoked(row: RevokedRow): void;
  /** Each whose status changed, whichever it is now. */
  changed(row: ChangedRow): void;
}

/** Each reads one covering index, and touches no table. */
export const REVOKED = `SELECT serialNumber, revokedAt, reason FROM certificates INDEXED BY revokedCertificates
  WHERE issuer = @issuer AND notAfter >= @expiresFrom AND status <> 'active'`;
export const CHANGED = `SELECT serialNumber, revokedAt, reason, statusSeq FROM certificates INDEXED BY statusChanges
  WHERE issuer = @issuer AND statusSeq > @changedSince AND notAfter >= @expiresFrom`;

export class CrlRows {
  readonly #database: Database;
  readonly #head: Statement<[], ChainHead>;
  readonly #revoked: Statement<CrlRowsQuery, RevokedRow>;
  readonly #changed: Statement<CrlRowsQuery, ChangedRow>;

  constructor(file: string) {
    const database = connectReader(file);
    this.#database = database;
    this.#head = database.prepare('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1');
    this.#revoked = database.prepare(REVOKED);
    this.#changed = database.prepare(CHANGED);
  }

  /**
   * Hands over the rows; how long that takes is how long a checkpoint has to wait.
   * @returns the last row of the journal at the moment that all of them are of
   */
  read(query: CrlRowsQuery, receiver: CrlRowsReceiver): ChainHead {
    const readAll = this.#database.transaction(() => {
      const head = this.#head.get() ?? emptyChain;
      for (const row of this.#revoked.iterate(query)) receiver.revoked(row);
      for (const row of this.#changed.iterate(query)) receiver.changed(row);
      return head;
    });
    return readAll();
  }

  close(): void {
    this.#database.close();
  }
}
