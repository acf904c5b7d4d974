/** The schema of the session store, its version in SQLite's user_version, and the steps that lead to the newest. */
import type { Database } from 'better-sqlite3';
import { GatehouseError } from '../../../core/errors.ts';
import { initial } from './migrations/0001-initial.ts';
import { revocations } from './migrations/0002-revocations.ts';
import { bodiesInQueues } from './migrations/0003-bodies-in-queues.ts';

/** Marks the file as ours: "GHSS". Any other database that lies in its place is left alone. */
const APPLICATION_ID = 0x47_48_53_53;

/** Step n brings version n to version n + 1. A step that was released is never changed. */
const migrations: readonly string[] = [initial, revocations, bodiesInQueues];

/**
 * Applies the missing steps, each in a transaction of its own with the version it leads to.
 * @throws GatehouseError `session_store_schema` where a newer Gatehouse, or another program, has written the file
 */
export function migrate(database: Database): void {
  checkOrigin(database);
  const applyNext = database.transaction((): boolean => {
    const step = migrations[versionOf(database)];
    if (step === undefined) return false;
    database.exec(step);
    database.pragma(`user_version = ${versionOf(database) + 1}`);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    return true;
  });
  while (applyNext.immediate());
}

function checkOrigin(database: Database): void {
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new GatehouseError(
      'session_store_schema',
      `${database.name} has schema ${version}; this version of Gatehouse has ${migrations.length}`,
    );
  }
  const isBlank = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (isBlank || database.pragma('application_id', { simple: true }) === APPLICATION_ID) return;
  throw new GatehouseError('session_store_schema', `${database.name} is the database of another program`);
}

function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
