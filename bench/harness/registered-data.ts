/** Data folders whose registries know a number of devices: made once, and kept for later runs where asked to. */
import { constants, existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { runGatehouse } from './gatehouse-command.ts';
import { registerSyntheticFleet } from './synthetic-fleet.ts';

export interface RegisteredData {
  readonly devices: number;
  /** So many of them are revoked, evenly spread; none where absent. */
  readonly revoked?: number;
  /** Where the data folder is to be. */
  readonly data: string;
  /** A folder of data folders that are used again; undefined to use none. */
  readonly keep?: string | undefined;
  readonly signal: AbortSignal;
}

export async function provideRegisteredData(options: RegisteredData): Promise<void> {
  const { devices, revoked = 0, data, keep } = options;
  if (keep === undefined) return createRegisteredData(options);
  const kept = join(keep, `registered-${devices}${revoked === 0 ? '' : `-${revoked}-revoked`}`);
  if (!existsSync(kept)) {
    // Its name says that it is whole: until then it has another.
    const unfinished = `${kept}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(keep, { recursive: true, mode: 0o700 });
    await createRegisteredData({ ...options, data: unfinished });
    await rename(unfinished, kept);
  }
  // A copy, so that every run finds as many devices as it asked for.
  await cp(kept, data, { recursive: true, mode: constants.COPYFILE_FICLONE });
  // It may be that of a Gatehouse before this one.
  await runGatehouse('migrate', '--data', data);
}

async function createRegisteredData({ data, ...fleet }: RegisteredData): Promise<void> {
  await runGatehouse('init', '--data', data, '--hostname', 'localhost,127.0.0.1');
  const registry = await openRegistry({ file: dataLayout(data).registry.database, clock: systemClock });
  try {
    await registerSyntheticFleet({ ...fleet, registry, now: systemClock.now() });
  } finally {
    await registry.close();
  }
}
