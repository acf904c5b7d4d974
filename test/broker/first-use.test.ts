/** The first use of a renewed certificate: told once, behind the messages, and forgotten when it is settled. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FirstUses } from '../../broker/reports/first-uses.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { eventually } from '../support/eventually.ts';
import { type Identity, issueDevice } from './authority.ts';
import { Fleet } from './fleet.ts';
import { reported, takeReports } from './reports.ts';

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

const told = async () => (await reported(fleet, 'firstUse')).map(({ fingerprint }) => fingerprint);
const untilTold = (identity: Identity) =>
  eventually(async () => (await told()).includes(identity.fingerprint));

describe('the first use', () => {
  it('of a renewed certificate is told, with its time', async () => {
    const before = Date.now();
    await fleet.connect(successor);
    await untilTold(successor);
    const [report] = await reported(fleet, 'firstUse');
    expect(report?.fingerprint).toBe(successor.fingerprint);
    expect(report?.time).toBeGreaterThanOrEqual(before);
    expect(report?.time).toBeLessThanOrEqual(Date.now());
  });

  it('is told once, however many sessions there are', async () => {
    for (const clientId of ['dev-1', 'dev-1/a', 'dev-1/b']) await fleet.connect(successor, { clientId });
    await untilTold(successor);
    await fleet.connect(successor, { clientId: 'dev-1/c' });
    const other = await fleet.enroll('dev-2');
    const next = await renew(other);
    await fleet.connect(next);
    await untilTold(next);
    expect(await told()).toEqual([successor.fingerprint, next.fingerprint]);
  });

  it('is told once where it is used again while that is written', () => {
    const uses = new FirstUses({ clock: { now: () => 1 }, onNote: () => {} });
    const { fingerprint } = successor;
    uses.note(fingerprint);
    expect(uses.take(1)).toEqual([{ kind: 'firstUse', fingerprint, time: 1 }]);
    uses.note(fingerprint);
    uses.takenIn(6);
    uses.told(7, fingerprint);
    uses.note(fingerprint);
    expect(uses.take(1)).toEqual([]);
    uses.takenIn(7);
    uses.note(fingerprint);
    expect(uses.take(1)).toHaveLength(1);
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
    expect(await told()).toEqual([successor.fingerprint]);
  });

  it('is still there when the broker was ended before anybody read it', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await fleet.stopBroker();
    expect(await told()).toEqual([successor.fingerprint]);
    await fleet.startBroker();
    expect(await told()).toEqual([successor.fingerprint]);
  });

  it('is written before the broker ends, though it was told just then', async () => {
    await fleet.connect(successor);
    await fleet.stopBroker();
    expect(await told()).toEqual([successor.fingerprint]);
  });

  it('is told again by the next connection, where nothing came of it', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await takeReports(fleet);
    // The broker looks once a second.
    const again = async () => {
      const client = await fleet.connect(successor);
      await client.endAsync();
      return (await told()).includes(successor.fingerprint);
    };
    await eventually(again);
  });

  it('is told no more once the registry shows it', async () => {
    await fleet.connect(successor);
    await untilTold(successor);
    await settle(successor, old);
    await takeReports(fleet);
    await fleet.connect(successor);
    const other = await renew(await fleet.enroll('dev-2'));
    await fleet.connect(other);
    await untilTold(other);
    expect(await told()).toEqual([other.fingerprint]);
  });
});

describe('until the successor is used', () => {
  it('the old certificate is admitted', async () => {
    expect((await fleet.connect(old)).connected).toBe(true);
    expect(await told()).toEqual([]);
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
