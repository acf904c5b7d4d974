/** The second phase, as enroll hears of it: from a file that is the broker's, whenever it is there to be read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { parseFingerprint } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { decodePem } from '../../core/pki/pem.ts';
import { readFirstUses } from '../../registry/first-uses/reader.ts';
import { type FirstUseWriter, openFirstUses } from '../../registry/first-uses/writer.ts';
import { eventually } from '../broker/eventually.ts';
import { runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { describeWith } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  askRenewal,
  certificateOf,
  enrollHolder,
  type Holder,
  renewed,
  statusOf,
  untilStatus,
} from './renewing.ts';

/** As it is built. */
const reader = pathToFileURL(resolve('dist/registry/first-uses/reader.js')).href;
const folder = temporaryFolder();
let service: TestEnroll;
let feed: FirstUseWriter;
let count = 0;
let old: Holder;
let successor: Holder;
/** When the successor was there. */
let time: number;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());
beforeEach(async () => {
  feed = openFirstUses(service.layout.firstUses);
  count += 1;
  old = await enrollHolder(service, `device-${count}`);
  successor = await renewed(service, old);
  time = Date.now();
});
afterEach(() => {
  feed.close();
  rmSync(service.layout.firstUses, { force: true });
});

async function tell(...holders: Holder[]): Promise<void> {
  const views = await Promise.all(holders.map((holder) => certificateOf(service, holder)));
  feed.add(views.map(({ fingerprint }) => ({ fingerprint, time })));
}

/** Resolves when enroll has read whatever was told until now. */
async function untilRead(): Promise<void> {
  count += 1;
  const other = await enrollHolder(service, `last-${count}`);
  const next = await renewed(service, other);
  await tell(next);
  await untilStatus(service, other, 'superseded');
}

async function supersessions(holder: Holder): Promise<JournalRow[]> {
  const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=1000');
  return body.items.filter(
    ({ event }) => event.action === 'certificate.superseded' && event.data.by === holder.serialNumber,
  );
}

async function restart(): Promise<void> {
  const { settings, layout } = service;
  await service.close();
  service = await runTestEnroll(settings, layout);
}

describe('the first use of a renewed certificate', () => {
  it('supersedes the old one, which may not renew any more', async () => {
    await tell(successor);
    await untilStatus(service, old, 'superseded');
    expect(await certificateOf(service, successor)).toMatchObject({
      status: 'active',
      firstUsedAt: new Date(time).toISOString(),
    });
    expect(await supersessions(successor)).toMatchObject([
      { actor: 'system', event: { data: { serialNumbers: [old.serialNumber] } } },
    ]);
    expect((await askRenewal(service, old)).body.code).toBe('certificate_superseded');
  });

  it('that was told while enroll was not running is applied when it is', async () => {
    const { settings, layout } = service;
    const { fingerprint } = await certificateOf(service, successor);
    await service.close();
    feed.add([{ fingerprint, time }]);
    feed.close();
    service = await runTestEnroll(settings, layout);
    await untilStatus(service, old, 'superseded');
  });

  it('is applied once, though its row stands there still when enroll starts anew', async () => {
    await tell(successor);
    await untilStatus(service, old, 'superseded');
    await restart();
    await untilRead();
    expect(readFirstUses(service.layout.firstUses)).toHaveLength(2);
    expect(await supersessions(successor)).toHaveLength(1);
  });

  it('is heard of from a file that was lost and begun anew', async () => {
    await untilRead();
    feed.close();
    rmSync(service.layout.firstUses);
    feed = openFirstUses(service.layout.firstUses);
    await tell(successor);
    await untilStatus(service, old, 'superseded');
  });

  it('never told leaves both certificates standing', async () => {
    await untilRead();
    expect([await statusOf(service, old), await statusOf(service, successor)]).toEqual(['active', 'active']);
  });

  it('is not taken to lie in the future', async () => {
    const { fingerprint } = await certificateOf(service, successor);
    feed.add([{ fingerprint, time: Date.now() + 1e9 }]);
    await untilStatus(service, old, 'superseded');
    const { firstUsedAt } = await certificateOf(service, successor);
    expect(Date.parse(String(firstUsedAt))).toBeLessThanOrEqual(Date.now());
  });

  it('is not taken to lie before the certificate was there, or no CRL could tell of it', async () => {
    const { fingerprint } = await certificateOf(service, successor);
    feed.add([{ fingerprint, time: -5e15 }]);
    await untilStatus(service, old, 'superseded');
    const { issuer } = await certificateOf(service, old);
    // What is superseded goes onto a CRL with what is urgent.
    const urgent = await enrollHolder(service, 'urgent');
    await service.operator('POST', `/devices/${urgent.deviceId}/suspend`, {});
    await eventually(async () => {
      const { body } = await service.call<string>(`${service.statusUrl}/crl/${issuer}.pem`);
      const der = Buffer.from(decodePem('X509 CRL', body));
      return [old, urgent].every(({ serialNumber }) => der.includes(Buffer.from(serialNumber, 'hex')));
    }, 8_000);
  });
});

describe('what the broker tells wrongly', () => {
  it('of an enrolled certificate, or one that nobody knows, changes nothing', async () => {
    await tell(old);
    feed.add([{ fingerprint: parseFingerprint('0'.repeat(64)), time }]);
    await untilRead();
    expect(await certificateOf(service, old)).toMatchObject({ status: 'active', firstUsedAt: null });
    expect(await statusOf(service, successor)).toBe('active');
  });

  it.each(['suspend', 'revoke'])('of a device after %s, changes nothing', async (action) => {
    await service.operator('POST', `/devices/${old.deviceId}/${action}`, {});
    const before = await statusOf(service, old);
    await tell(successor);
    await untilRead();
    expect(await statusOf(service, old)).toBe(before);
    expect((await certificateOf(service, successor)).firstUsedAt).toBeNull();
    expect(await supersessions(successor)).toEqual([]);
  });

  it('of a successor that was superseded, changes nothing', async () => {
    const { privateKey } = await enrollHolder(service, `key-of-${count}`);
    const { body } = await askRenewal(service, old, { privateKey });
    expect(body.code).toBe('key_in_use');
    await enrollHolder(service, old.deviceId, { device: old.deviceId });
    await tell(successor);
    await untilRead();
    expect(await supersessions(successor)).toEqual([]);
  });

  it('in rows that hold anything else is passed over', async () => {
    const database = new Sqlite(service.layout.firstUses);
    database.prepare(`INSERT INTO firstUses (fingerprint, time) VALUES ('hello', 0)`).run();
    database.close();
    await tell(successor);
    await untilStatus(service, old, 'superseded');
  });

  it('in a file too large to be read is not read', () => {
    feed.close();
    truncateSync(service.layout.firstUses, 65 * 1024 * 1024);
    expect(() => readFirstUses(service.layout.firstUses)).toThrow('has 68157440 bytes');
  });

  it('in a file with a view in place of the table is not read', async () => {
    const { firstUses } = service.layout;
    feed.close();
    rmSync(firstUses);
    mkdirSync(dirname(firstUses), { recursive: true });
    const database = new Sqlite(firstUses);
    const { fingerprint } = await certificateOf(service, successor);
    database.exec(
      `CREATE VIEW firstUses AS SELECT 1 AS seq, '${fingerprint}' AS fingerprint, ${time} AS time`,
    );
    database.close();
    expect(() => readFirstUses(firstUses)).toThrow('not a feed');
    // The broker begins it anew at its next start, and enroll goes on reading.
    feed = openFirstUses(firstUses);
    await untilRead();
    expect(await statusOf(service, old)).toBe('active');
  });
});

describeWith(['mkfifo'], 'a pipe that the broker puts', () => {
  // In a process of its own: who waits for a pipe cannot be told to stop.
  const readElsewhere = (file: string) => {
    const script = `import { readFirstUses } from '${reader}'; console.log(readFirstUses(process.argv[1]));`;
    const { stdout, stderr, signal } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script, file],
      { timeout: 10_000, encoding: 'utf8' },
    );
    expect(signal).toBeNull();
    return stdout + stderr;
  };

  it('in the place of the file keeps enroll waiting for nothing', () => {
    rmSync(service.layout.firstUses);
    execFileSync('mkfifo', [service.layout.firstUses]);
    expect(readElsewhere(service.layout.firstUses)).toContain('is not a file');
  });

  it('in the place of its journal does neither', () => {
    const journal = `${service.layout.firstUses}-journal`;
    execFileSync('mkfifo', [journal]);
    expect(readElsewhere(service.layout.firstUses)).toBe('undefined\n');
    rmSync(journal);
  });
});
