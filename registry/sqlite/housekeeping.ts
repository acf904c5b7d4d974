/**
 * What leaves the registry, in SQL. Each statement finds its rows through an index of those that end first
 * (migrations/0009-housekeeping.ts), so a step costs the same whatever the registry's size.
 */
import type { Database, RunResult } from 'better-sqlite3';
import type { DeviceId, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { Horizon, HousekeepingTransaction } from '../port/housekeeping.ts';
import type { JournalArchiveRecord, Pruned } from '../records.ts';

/** Word for word as in the indexes, or they cannot be used. */
export const ENDED = "status IN ('superseded', 'revoked')";
export const RENEWABLE = "status IN ('active', 'suspended')";
/** A key's fingerprint in hex, as `formerKeys` has it. */
export const FORMER_KEY = 'unhex(substr(?, 1, 32))';

export type HousekeepingStatements = ReturnType<typeof prepareHousekeeping>;

interface Outdated {
  readonly serialNumber: SerialNumber;
  readonly keyFingerprint: Fingerprint;
  readonly device: DeviceId | null;
}

export function prepareHousekeeping(database: Database) {
  const outdated = (which: string) =>
    database.prepare<[number, number], Outdated>(
      `SELECT serialNumber, keyFingerprint, device FROM certificates
       WHERE ${which} AND notAfter <= ? ORDER BY notAfter LIMIT ?`,
    );
  return {
    ended: outdated(ENDED),
    renewable: outdated(RENEWABLE),
    rememberKey: database.prepare<[Fingerprint, DeviceId]>(
      `INSERT INTO formerKeys (key, device) VALUES (${FORMER_KEY}, ?) ON CONFLICT DO NOTHING`,
    ),
    removeRequestsOf: database.prepare<[SerialNumber]>('DELETE FROM requests WHERE serialNumber = ?'),
    forgetPredecessor: database.prepare<[SerialNumber]>(
      'UPDATE certificates SET renews = NULL WHERE renews = ?',
    ),
    removeCertificate: database.prepare<[SerialNumber]>('DELETE FROM certificates WHERE serialNumber = ?'),

    expiredTokens: database
      .prepare<[number, number], string>(
        `SELECT id FROM tokens WHERE expiresAt <= ? AND NOT EXISTS (
           SELECT 1 FROM requests WHERE credential = 'token:' || tokens.id AND expiresAt IS NOT NULL)
         ORDER BY expiresAt LIMIT ?`,
      )
      .pluck(),
    removeTokenUses: database.prepare<[string, string, number]>(
      `DELETE FROM tokenUses WHERE token = ? AND keyFingerprint IN (
         SELECT keyFingerprint FROM tokenUses WHERE token = ? LIMIT ?)`,
    ),
    removeDenials: database.prepare<[string, number]>(
      `DELETE FROM requests WHERE id IN (
         SELECT id FROM requests WHERE credential = 'token:' || ? AND status = 'denied' LIMIT ?)`,
    ),
    removeToken: database.prepare<[string]>('DELETE FROM tokens WHERE id = ?'),

    insertJournalArchive: database.prepare<JournalArchiveRecord>(
      `INSERT INTO journalArchives (firstSeq, lastSeq, lastHash, file, sha256, bytes, archivedAt)
       VALUES (@firstSeq, @lastSeq, @lastHash, @file, @sha256, @bytes, @archivedAt)`,
    ),
    dropArchivedRows: database.prepare<[number]>(
      `DELETE FROM journal WHERE seq <= (SELECT max(lastSeq) FROM journalArchives)
         AND seq < (SELECT min(seq) FROM journal) + ?`,
    ),
  };
}

/** Runs one change as part of the transaction. */
type Change = (run: () => RunResult) => RunResult;

export class SqliteHousekeeping implements HousekeepingTransaction {
  readonly #statements: HousekeepingStatements;
  readonly #change: Change;

  constructor(statements: HousekeepingStatements, change: Change) {
    this.#statements = statements;
    this.#change = change;
  }

  async pruneCertificates({ ended, renewable }: Horizon, limit: number): Promise<Pruned> {
    const outdated = this.#statements.ended.all(ended, limit);
    outdated.push(...this.#statements.renewable.all(renewable, limit - outdated.length));
    const requests = outdated.map((certificate) => this.#removeCertificate(certificate));
    return { certificates: outdated.length, tokens: 0, tokenUses: 0, requests: sum(requests) };
  }

  /** @returns how many requests went with it */
  #removeCertificate({ serialNumber, keyFingerprint, device }: Outdated): number {
    const { rememberKey, removeRequestsOf, forgetPredecessor, removeCertificate } = this.#statements;
    if (device !== null) this.#change(() => rememberKey.run(keyFingerprint, device));
    const { changes } = this.#change(() => removeRequestsOf.run(serialNumber));
    this.#change(() => forgetPredecessor.run(serialNumber));
    this.#change(() => removeCertificate.run(serialNumber));
    return changes;
  }

  async pruneTokens(before: number, limit: number): Promise<Pruned> {
    const { expiredTokens, removeTokenUses, removeDenials, removeToken } = this.#statements;
    let [tokens, tokenUses, requests] = [0, 0, 0];
    const left = () => limit - tokens - tokenUses - requests;
    for (const id of expiredTokens.all(before, limit)) {
      tokenUses += this.#change(() => removeTokenUses.run(id, id, left())).changes;
      requests += this.#change(() => removeDenials.run(id, left())).changes;
      // What is left of it is for the next step.
      if (left() === 0) break;
      tokens += this.#change(() => removeToken.run(id)).changes;
    }
    return { certificates: 0, tokens, tokenUses, requests };
  }

  async insertJournalArchive(archive: JournalArchiveRecord): Promise<void> {
    this.#change(() => this.#statements.insertJournalArchive.run(archive));
  }

  async dropArchivedRows(limit: number): Promise<number> {
    return this.#statements.dropArchivedRows.run(limit).changes;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
