/** A run of the housekeeping: what goes, in which steps, and what becomes of one that is cut short. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Housekeeping,
  type HousekeepingOptions,
  type HousekeepingRun,
} from '../../enroll/housekeeping/housekeeping.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { createLogger } from '../../runtime/log.ts';
import { certificate, change, device, fingerprint, NOW, name, seed } from '../registry/samples.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY = 86_400_000;
const RETENTION = 365 * DAY;
const NOTHING = { certificates: 0, tokens: 0, tokenUses: 0, requests: 0 };
const log = createLogger('test', { level: 'silent', format: 'json' });
const within = temporaryFolder();
const pump = device('pump');
let count = 0;
let now: number;
let registry: Registry;
let archive: string;
let runs: HousekeepingRun[];
const clock = { now: () => now };

beforeEach(async () => {
  count += 1;
  now = NOW;
  runs = [];
  const file = join(within, String(count), 'registry.db');
  archive = join(dirname(file), 'archive');
  registry = await openRegistry({ file, clock });
  await seed(registry);
  await change(registry, (transaction) => transaction.insertDevice(pump));
});
afterEach(() => registry.close());

function housekeeping(options: Partial<HousekeepingOptions> = {}): Housekeeping {
  return new Housekeeping({
    registry,
    clock,
    carefulClock: clock,
    retention: RETENTION,
    archive,
    onRun: (run) => runs.push(run),
    log,
    pause: async () => undefined,
    ...options,
  });
}

/** Superseded, and over at NOW. */
async function insertEnded(number: number): Promise<void> {
  await change(registry, async (transaction) => {
    for (let index = 0; index < number; index++) {
      const ended = { status: 'superseded', revokedAt: NOW, reason: 'superseded' } as const;
      await transaction.insertCertificate(
        certificate(`${index}`, { device: pump.id, notAfter: NOW, ...ended }),
      );
    }
  });
}

describe('a run', () => {
  it('takes as many steps as it needs, each with a row of the journal', async () => {
    await insertEnded(120);
    now = NOW + RETENTION;
    expect(await housekeeping().run()).toMatchObject({
      pruned: { ...NOTHING, certificates: 120 },
      failure: null,
    });
    const rows = await registry.journal(0, 100);
    const told = rows.flatMap(({ event }) => (event.action === 'registry.pruned' ? [event.data] : []));
    const step = { ...NOTHING, endedBefore: NOW };
    expect(told).toEqual([50, 50, 20].map((certificates) => ({ ...step, certificates })));
  });

  it('leaves everything a moment earlier, and for ever where it is told so', async () => {
    await insertEnded(3);
    now = NOW + RETENTION - 1;
    const before = await registry.journalHead();
    expect((await housekeeping().run()).pruned).toEqual(NOTHING);
    now += 100 * RETENTION;
    const forever = housekeeping({ retention: null });
    expect((await forever.run()).pruned).toEqual(NOTHING);
    expect(await forever.status()).toMatchObject({ retention: null, before: null, due: null });
    expect(await registry.journalHead()).toBe(before);
  });

  it('leaves what may be renewed in the longest grace of any group', async () => {
    const grace = 30 * DAY;
    await change(registry, async (transaction) => {
      const group = await transaction.group(name('default'));
      if (group === undefined) throw new Error('There is no group');
      await transaction.putGroup({ ...group, name: name('meters'), renewalGrace: grace });
      await transaction.insertCertificate(certificate('renewable', { device: pump.id, notAfter: NOW }));
    });
    now = NOW + RETENTION + grace - 1;
    expect((await housekeeping().run()).pruned.certificates).toBe(0);
    now += 1;
    expect((await housekeeping().run()).pruned.certificates).toBe(1);
  });

  it('drops requests that nobody decided in time, whatever the retention', async () => {
    const terms = {
      device: pump.id,
      group: name('default'),
      credential: 'token:x',
      manufacturer: null,
    } as const;
    const undecided = { decidedAt: null, decidedBy: null, reason: null, serialNumber: null };
    const key = { keyFingerprint: fingerprint('a key'), keyKind: 'ec-p256', address: '192.0.2.1' } as const;
    const open = { status: 'pending', createdAt: NOW, expiresAt: NOW + DAY } as const;
    await change(registry, async (transaction) => {
      for (let index = 0; index < 60; index++)
        await transaction.insertRequest({ ...terms, ...undecided, ...key, ...open });
    });
    expect((await housekeeping({ retention: null }).run()).pruned.requests).toBe(0);
    now = NOW + DAY;
    expect((await housekeeping().status()).due).toMatchObject({ requests: 60, journalRows: 0 });
    expect((await housekeeping({ retention: null }).run()).pruned.requests).toBe(60);
    expect((await housekeeping().status()).due).toMatchObject({ requests: 0 });
    expect(await registry.lapsedRequests(now, 1)).toEqual([]);
  });

  it('is shared by all who ask meanwhile', async () => {
    const keeper = housekeeping();
    const [one, other] = await Promise.all([keeper.run(), keeper.run()]);
    expect(other).toBe(one);
    expect(runs).toEqual([one]);
    expect((await keeper.status()).lastRun).toBe(one);
  });

  it('that is stopped ends between two steps, and the next one goes on', async () => {
    await insertEnded(120);
    now = NOW + RETENTION;
    const stopped: Housekeeping = housekeeping({ pause: async () => void stopped.close() });
    const cutShort = await stopped.run();
    expect([cutShort.pruned.certificates, cutShort.failure]).toEqual([50, 'it was stopped']);
    expect((await housekeeping().run()).pruned.certificates).toBe(70);
  });

  it('prunes though the journal cannot be archived, says so, and makes up for it', async () => {
    await insertEnded(3);
    now = NOW + RETENTION + 30 * DAY;
    writeFileSync(archive, 'in the way');
    const keeper = housekeeping();
    const { pruned, journal, failure } = await keeper.run();
    expect([pruned.certificates, journal]).toEqual([3, { archives: 0, rows: 0 }]);
    expect(failure).toContain('ENOTDIR');
    rmSync(archive);
    mkdirSync(archive);
    expect(await keeper.run()).toMatchObject({ journal: { archives: 1 }, failure: null });
  });
});
