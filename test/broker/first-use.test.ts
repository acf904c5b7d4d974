/** The first use of a renewed certificate: told once, behind the messages, and forgotten when it is settled. */
import { statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { parseDeviceId } from '../../core/ids.ts';
import { readFirstUses } from '../../registry/first-uses/reader.ts';
import { type Identity, issueDevice } from './authority.ts';
import { eventually } from './eventually.ts';
import { Fleet } from './fleet.ts';

let fleet: Fleet;
let old: Identity;
let successor: Identity;
beforeEach(async () => {
  fleet = await Fleet.create();
  old = await fleet.enroll('dev-1');
  successor = await renew(old);
});
afterEach(() => fleet.close());

async function renew(identity: Identity): Promise<Identity> {
  const next = await issueDevice(fleet.issuing, identity.id);
  await fleet.record(next, { record: { renews: identity.serialNumber } });
  return next;
}

/** What enroll does when it has read the feed. */
async function settle(used: Identity, superseded: Identity): Promise<void> {
  await fleet.registry.write('system', async (transaction) => {
    await transaction.recordFirstUse(used.serialNumber, Date.now());
    await transaction.setCertificateStatus([superseded.serialNumber], 'superseded', Date.now());
    await transaction.append({
      action: 'certificate.superseded',
      subject: parseDeviceId(used.id),
      data: { serialNumbers: [superseded.serialNumber], by: used.serialNumber },
    });
  });
}

const told = () => (readFirstUses(fleet.layout.firstUses) ?? []).map(({ fingerprint }) => fingerprint);
const untilTold = (identity: Identity) =>
  eventually(() => (told().includes(identity.fingerprint) ? true : undefined));

describe('the first use', () => {
  it('of a renewed certificate is told, with its time', async () => {
    const before = Date.now();
    await fleet.connect(successor);
    await untilTold(successor);
    const [row] = readFirstUses(fleet.layout.firstUses) ?? [];
    expect(row?.fingerprint).toBe(successor.fingerprint);
    expect(row?.time).toBeGreaterThanOrEqual(before);
    expect(row?.time).toBeLessThanOrEqual(Date.now());
  });

  it('is told once, however many sessions there are', async () => {
    for (const clientId of ['dev-1', 'dev-1/a', 'dev-1/b']) await fleet.connect(successor, { clientId });
    await untilTold(successor);
    await fleet.connect(successor, { clientId: 'dev-1/c' });
    const other = await fleet.enroll('dev-2');
    const next = await renew(other);
    await fleet.connect(next);
    await untilTold(next);
    expect(told()).toEqual([successor.fingerprint, next.fingerprint]);
  });

  it('is not told of a certificate that was enrolled, refused, or used before', async () => {
    await fleet.connect(old);
    const refused = await renew(await fleet.enroll('refused'));
    await expect(fleet.connect(refused, { clientId: 'dev-1' })).rejects.toHaveProperty('code', 2);
    const other = await fleet.enroll('dev-3');
    const used = await renew(other);
    await settle(used, other);
    await fleet.connect(used);
    await fleet.connect(successor);
    await untilTold(successor);
    expect(told()).toEqual([successor.fingerprint]);
  });

  it('is still there when the broker was ended before anybody read it', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await fleet.stopBroker();
    expect(told()).toEqual([successor.fingerprint]);
    await fleet.startBroker();
    await fleet.connect(successor);
    expect(told()).toEqual([successor.fingerprint]);
  });

  it('is written before the broker ends, though it was told just then', async () => {
    await fleet.connect(successor);
    await fleet.stopBroker();
    expect(told()).toEqual([successor.fingerprint]);
  });

  it('is forgotten once the registry shows it', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await settle(successor, old);
    await eventually(() => told().length === 0);
  });

  it('is forgotten of a device that was revoked', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await fleet.revoke('dev-1');
    await eventually(() => told().length === 0);
  });

  it('is told again after a suspension, during which nobody acts on it', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await fleet.suspend('dev-1');
    await eventually(() => told().length === 0);
    await fleet.resume('dev-1');
    await fleet.connect(successor);
    await untilTold(successor);
  });
});

describe('until the successor is used', () => {
  it('the old certificate is admitted', async () => {
    expect((await fleet.connect(old)).connected).toBe(true);
    expect(told()).toEqual([]);
  });
});

describe('when the old certificate is superseded', () => {
  it('its sessions end, and those of the new one go on', async () => {
    const forgotten = await fleet.connect(old, { clientId: 'dev-1/forgotten' });
    const first = await fleet.connect(old);
    const second = await fleet.connect(successor);
    await eventually(() => !first.connected);
    await settle(successor, old);
    await eventually(() => !forgotten.connected);
    await fleet.logged('session cut off', 'certificate_superseded');
    expect(second.connected).toBe(true);
    await expect(fleet.connect(old)).rejects.toHaveProperty('code', 5);
    await fleet.logged('connection refused', 'certificate_superseded');
  });
});

describe('the file', () => {
  it('is readable by its owner alone', async () => {
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect([dirname(fleet.layout.firstUses), fleet.layout.firstUses].map(modeOf)).toEqual([0o700, 0o600]);
  });

  it.each([
    ['no database', (file: string) => writeFileSync(file, 'something else entirely, and long enough')],
    [
      'another database',
      (file: string) => {
        const database = new Sqlite(file);
        database.exec('DROP TABLE firstUses; CREATE TABLE firstUses (x)');
        database.close();
      },
    ],
  ])('that is %s is begun anew at the next start', async (_what, spoil) => {
    await fleet.stopBroker();
    spoil(fleet.layout.firstUses);
    await fleet.startBroker();
    await fleet.connect(successor);
    await untilTold(successor);
  });

  it('that cannot be written keeps nobody out', async () => {
    const locked = new Sqlite(fleet.layout.firstUses);
    locked.exec('BEGIN EXCLUSIVE');
    const client = await fleet.connect(successor);
    await eventually(
      () => fleet.log.some(({ msg }) => msg === 'the feed of first uses cannot be written') || undefined,
    );
    locked.exec('ROLLBACK');
    locked.close();
    await client.endAsync();
    await fleet.connect(successor);
    await untilTold(successor);
  });
});
