/** Opening a registry in a SQLite file: to write (enroll), or to look on (the broker). */
import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { Registry, RegistryView } from '../port/registry.ts';
import { closeOnFailure, connectReader, connectWriter } from './connection.ts';
import { fileModeIn } from './file-mode.ts';
import { checkSchema, migrate } from './migrate.ts';
import { SqliteRegistry } from './registry.ts';
import { SqliteView } from './view.ts';

interface OpenOptions {
  readonly file: string;
  readonly clock: Clock;
}

/**
 * Opens the registry, creating it (folder 0700, file 0600) where there is none, or bringing it up to date where needed.
 * @throws GatehouseError `registry_schema` where a newer Gatehouse has written it
 */
export async function openRegistry({ file, clock }: OpenOptions): Promise<Registry> {
  await createPrivately(file);
  return closeOnFailure(connectWriter(file), (database) => {
    migrate(database);
    return closeOnFailure(
      connectReader(file),
      (readonlyDatabase) => new SqliteRegistry({ database, readonlyDatabase, clock }),
    );
  });
}

/**
 * Opens the registry for look-ups alone, whether or not its writer runs.
 * @throws GatehouseError `registry_schema` where there is none, or one of another version's schema
 */
export async function openRegistryView({ file }: Pick<OpenOptions, 'file'>): Promise<RegistryView> {
  if (!existsSync(file)) throw new GatehouseError('registry_schema', `there is no registry at ${file}`);
  return closeOnFailure(connectReader(file), (database) => {
    checkSchema(database);
    return new SqliteView(database);
  });
}

/** Whether not even the first migration ever ended: nothing can have been written to it. */
export function isBlankRegistry(file: string): boolean {
  const database = connectReader(file);
  try {
    return database.pragma('user_version', { simple: true }) === 0;
  } finally {
    database.close();
  }
}

/** In a folder of the owner's alone, unless there is one already. */
async function createPrivately(file: string): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a', fileModeIn(folder));
  await handle.close();
}
