/** Enroll that is started while the clock runs years ahead. */
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { readSettings } from '../../runtime/settings.ts';
import { runTestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DAY, SimulatedFleet } from './simulated-fleet.ts';

const folder = temporaryFolder();

it('takes no certificate out of the registry that is in time', async () => {
  const fleet = await SimulatedFleet.begin({ folder, retention: null, beginning: Date.now() });
  const { certificate } = await fleet.enroll('pump');
  await fleet.close();

  const ports = { enrollPort: 0, statusPort: 0, adminPort: 0 };
  const terms = { host: '127.0.0.1', hostname: 'localhost', retention: '7d', logLevel: 'silent' };
  const settings = readSettings({ data: join(folder, 'data'), ...terms, ...ports }, {});
  const ahead = { now: () => Date.now() + 4 * 365 * DAY };
  const service = await runTestEnroll(settings, fleet.layout, ahead);
  // Waits for the end of the run at the start.
  await service.close();

  const view = await openRegistryView({ file: fleet.layout.registry.database });
  try {
    expect(await view.certificate(certificate.fingerprint)).toEqual(certificate);
  } finally {
    await view.close();
  }
});
