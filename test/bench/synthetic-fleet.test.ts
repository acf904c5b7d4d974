/** The fleet that the benchmark makes up is one that the registry, and all who read it, take for real. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { registerSyntheticFleet } from '../../bench/harness/synthetic-fleet.ts';
import { verifyChain } from '../../core/journal/chain.ts';
import { initialize } from '../../enroll/init.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { systemClock } from '../../runtime/clock.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { readSettings } from '../../runtime/settings.ts';
import { openCheapKeys } from '../support/ca-keys.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const data = join(temporaryFolder(), 'data');
const DEVICES = 7;
const now = Date.now();

describe('a synthetic fleet', () => {
  let registry: Registry;
  let rowsBefore: number;

  beforeAll(async () => {
    await initialize(readSettings({ data, hostname: 'localhost' }, {}), systemClock, false, openCheapKeys);
    registry = await openRegistry({ file: dataLayout(data).registry.database, clock: systemClock });
    rowsBefore = await registry.journalHead();
    const { signal } = new AbortController();
    await registerSyntheticFleet({ registry, devices: DEVICES, now, signal });
  });

  afterAll(() => registry.close());

  it('has as many devices as were asked for, each with a certificate of a usual size', async () => {
    const devices = await registry.devices({ limit: 100 });
    expect(devices).toHaveLength(DEVICES);
    for (const { id, status } of devices) {
      expect(status).toBe('active');
      const certificates = await registry.certificatesOf(id);
      expect(certificates).toMatchObject([{ device: id, status: 'active', issuedAt: now }]);
      expect(certificates[0]?.der).toHaveLength(600);
    }
  });

  it('came with one token, whose uses are counted and lead to the certificates', async () => {
    const [token] = await registry.tokens();
    expect(token).toMatchObject({ uses: DEVICES, maxUses: DEVICES });
    const [device] = await registry.devices({ limit: 1 });
    const [certificate] = device === undefined ? [] : await registry.certificatesOf(device.id);
    if (token === undefined || certificate === undefined) throw new Error('no token, or no certificate');
    expect(await registry.tokenUse(token.id, certificate.keyFingerprint)).toEqual(certificate);
  });

  it('is in the journal, device by device', async () => {
    const rows = await registry.journal(0, 1_000);
    expect(verifyChain(rows).seq).toBe(rowsBefore + 1 + DEVICES);
    expect(rows.slice(rowsBefore).map(({ event }) => event.action)).toEqual([
      'token.created',
      ...Array.from({ length: DEVICES }, () => 'device.enrolled'),
    ]);
  });

  it('is left unfinished when that is asked for', async () => {
    const interrupted = registerSyntheticFleet({ registry, devices: 1, now, signal: AbortSignal.abort() });
    await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });
    expect(await registry.devices({ limit: 100 })).toHaveLength(DEVICES);
  });
});
