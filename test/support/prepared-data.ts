/** A data folder as `gatehouse init` makes it, but that its CA keys take no time to open: for each process that does. */
import { initialize } from '../../enroll/init.ts';
import { systemClock } from '../../runtime/clock.ts';
import { readSettings } from '../../runtime/settings.ts';
import { openCheapKeys } from './ca-keys.ts';

/** @returns `data` */
export async function prepareData(data: string): Promise<string> {
  const settings = readSettings({ data, hostname: 'localhost,127.0.0.1' }, {});
  await initialize(settings, systemClock, false, openCheapKeys);
  return data;
}
