/** The schema's version, kept in SQLite's user_version, and the steps that lead to the newest one. */
import type { Database } from 'better-sqlite3';
import { GatehouseError } from '../../core/errors.ts';
import { initial } from './migrations/0001-initial.ts';
import { renewal } from './migrations/0002-renewal.ts';
import { rollover } from './migrations/0003-rollover.ts';
import { enrollmentWays } from './migrations/0004-enrollment-ways.ts';
import { supersededInTime } from './migrations/0005-superseded-in-time.ts';
import { crl } from './migrations/0006-crl.ts';
import { revocation } from './migrations/0007-revocation.ts';
import { housekeeping } from './migrations/0008-housekeeping.ts';
import { observations } from './migrations/0009-observations.ts';
import { lastRevocation } from './migrations/0010-last-revocation.ts';

/** Step n brings version n to version n + 1. A step that was released is never changed. */
const migrations: readonly string[] = [
  initial,
  renewal,
  rollover,
  enrollmentWays,
  supersededInTime,
  crl,
  revocation,
  housekeeping,
  observations,
  lastRevocation,
];

/**
 * Applies the missing steps, each in a transaction of its own with the version it leads to, so that an
 * interrupted one leaves nothing and is done again at the next start.
 *
 * @throws GatehouseError `registry_schema` where a newer Gatehouse has written the registry
 */
export function migrate(database: Database): void {
  const applyNext = database.transaction((): boolean => {
    const version = versionOf(database);
    if (version > migrations.length) throw otherSchema(database.name, version);
    const step = migrations[version];
    if (step === undefined) return false;
    database.exec(step);
    database.pragma(`user_version = ${version + 1}`);
    return true;
  });
  let pending = true;
  while (pending) pending = applyNext.immediate();
}

/** @throws GatehouseError `registry_schema` unless the registry has exactly this version's schema */
export function checkSchema(database: Database): void {
  const version = versionOf(database);
  if (version !== migrations.length) throw otherSchema(database.name, version);
}

function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

function otherSchema(file: string, version: number): GatehouseError {
  return new GatehouseError(
    'registry_schema',
    `${file} has schema ${version}; this version of Gatehouse has ${migrations.length}`,
  );
}
