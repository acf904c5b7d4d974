/** The broker's process, as far as it ends by itself. */
import { copyFileSync, renameSync } from 'node:fs';
import { afterEach, expect, it, jest } from '@jest/globals';
import { runBroker } from '../../broker/run.ts';
import { readSettings } from '../../runtime/settings.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';

let fleet: Fleet;
afterEach(async () => {
  jest.restoreAllMocks();
  await fleet.close();
});

it('ends with the reason when another registry takes the place of the one that is open', async () => {
  fleet = await Fleet.create({ start: false });
  const settings = readSettings(
    {
      ...{ data: fleet.folder, host: '127.0.0.1', hostname: 'localhost', mqttPort: 0 },
      ...{ metricsHost: '127.0.0.1', metricsPort: 0, logLevel: 'silent' },
    },
    {},
  );
  const said = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const running = runBroker(settings, true);
  const ended = expect(running).rejects.toMatchObject({ code: 'registry_replaced' });
  await eventually(() => said.mock.calls.some(([line]) => String(line).includes('"ready":true')));
  const { database } = fleet.layout.registry;
  copyFileSync(database, `${database}.backup`);
  renameSync(`${database}.backup`, database);
  await ended;
});
