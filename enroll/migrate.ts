/** `gatehouse migrate`: opens the registry as its writer does, which brings its schema up to date. */
import { existsSync } from 'node:fs';
import { GatehouseError } from '../core/errors.ts';
import { openRegistry } from '../registry/sqlite/open.ts';
import { systemClock } from '../runtime/clock.ts';
import { dataLayout } from '../runtime/layout.ts';
import type { Settings } from '../runtime/settings.ts';

/** @throws GatehouseError `data_missing`, `registry_schema` */
export async function migrate(settings: Settings): Promise<void> {
  const file = dataLayout(settings.data).registry.database;
  if (!existsSync(file)) throw new GatehouseError('data_missing', `${file} is not there`);
  const registry = await openRegistry({ file, clock: systemClock });
  await registry.close();
}
