/** The second phase, as enroll hears of it: from files that are the broker's, whenever they are there to be read. */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Fingerprint, parseFingerprint } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { decodePem } from '../../core/pki/pem.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
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

const folder = temporaryFolder();
let service: TestEnroll;
let feed: ReportWriter;
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
  feed = await openFeed();
  count += 1;
  old = await enrollHolder(service, `device-${count}`);
  successor = await renewed(service, old);
  time = Date.now();
});
afterEach(() => rmSync(service.layout.reports, { recursive: true, force: true }));

/** As a broker opens it that is started. */
async function openFeed(): Promise<ReportWriter> {
  const registry = await openRegistryView({ file: service.layout.registry.database });
  const taken = await registry.observations.lastReport();
  await registry.close();
  return ReportWriter.open(service.layout.reports, taken);
}

async function add(uses: readonly { readonly fingerprint: Fingerprint; readonly time: number }[]) {
  await feed.write(uses.map((use) => ({ kind: 'firstUse', ...use })));
}

async function tell(...holders: Holder[]): Promise<void> {
  const views = await Promise.all(holders.map((holder) => certificateOf(service, holder)));
  await add(views.map(({ fingerprint }) => ({ fingerprint, time })));
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
    await add([{ fingerprint, time }]);
    service = await runTestEnroll(settings, layout);
    await untilStatus(service, old, 'superseded');
  });

  it('is applied once, though it is told again, and its report stands there still when enroll starts anew', async () => {
    await tell(successor);
    await untilStatus(service, old, 'superseded');
    await restart();
    await tell(successor);
    await untilRead();
    expect(await supersessions(successor)).toHaveLength(1);
  });

  it('is heard of from a folder that was lost and begun anew', async () => {
    await untilRead();
    rmSync(service.layout.reports, { recursive: true });
    feed = await openFeed();
    await tell(successor);
    await untilStatus(service, old, 'superseded');
  });

  it('never told leaves both certificates standing', async () => {
    await untilRead();
    expect([await statusOf(service, old), await statusOf(service, successor)]).toEqual(['active', 'active']);
  });

  it('is not taken to lie in the future', async () => {
    const { fingerprint } = await certificateOf(service, successor);
    await add([{ fingerprint, time: Date.now() + 1e9 }]);
    await untilStatus(service, old, 'superseded');
    const { firstUsedAt } = await certificateOf(service, successor);
    expect(Date.parse(String(firstUsedAt))).toBeLessThanOrEqual(Date.now());
  });

  it('is not taken to lie before the certificate was there, or no CRL could tell of it', async () => {
    const { fingerprint } = await certificateOf(service, successor);
    await add([{ fingerprint, time: 0 }]);
    await untilStatus(service, old, 'superseded');
    const { issuer } = await certificateOf(service, old);
    // What is superseded goes onto a CRL with what is urgent.
    const urgent = await enrollHolder(service, 'urgent');
    await service.operator('POST', `/devices/${urgent.deviceId}/suspend`, {});
    await eventually(async () => {
      const { body } = await service.call<string>(`${service.statusUrl}/crl/${issuer}.pem`);
      const der = Buffer.from(decodePem('X509 CRL', body));
      return [old, urgent].every(({ serialNumber }) => der.includes(Buffer.from(serialNumber, 'hex')));
    });
  });
});

describe('what the broker tells wrongly', () => {
  it('of an enrolled certificate, or one that nobody knows, changes nothing', async () => {
    await tell(old);
    await add([{ fingerprint: parseFingerprint('0'.repeat(64)), time }]);
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
});
