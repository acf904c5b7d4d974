/** The registry of a fleet that renews daily for years: bounded, and none of its promises forgotten. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { enrollDevice } from '../../enroll/use-cases/enrolling/enroll-device.ts';
import { createEnrollmentToken } from '../../enroll/use-cases/operating/manage-tokens.ts';
import { changeOneDevice } from '../../enroll/use-cases/revoking/change-devices.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { verifyWhole } from './journal-source.ts';
import { DAY, type Member, type RowCounts, SimulatedFleet } from './simulated-fleet.ts';

/** Few: what counts is the days. */
const DEVICES = ['pump-1', 'pump-2', 'pump-3'];
/** Five times the retention: more than a year. */
const DAYS = 450;
const RETENTION_DAYS = 90;
/** A file of the journal is written a week after its first row is due. */
const SETTLED = RETENTION_DAYS + 20;
/** These grow by design: with each new key, and each file of the archive. */
const GROWING = ['formerKeys', 'journalArchives'];

interface Sample {
  readonly day: number;
  readonly rows: RowCounts;
  readonly used: number;
  readonly file: number;
}

const folder = temporaryFolder();
let fleet: SimulatedFleet;
const samples: Sample[] = [];
/** Enrolled at the beginning, and never seen again. */
let sleeper: Member;
let stolen: Member;
/** Of a device that was enrolled anew since, with another key. */
const former: Member[] = [];

beforeAll(async () => {
  fleet = await SimulatedFleet.begin({ folder, retention: RETENTION_DAYS * DAY });
  for (const id of DEVICES) await fleet.enroll(id);
  sleeper = await fleet.enroll('sleeper');
  fleet.leave('sleeper');
  stolen = await fleet.enroll('stolen');
  fleet.leave('stolen');
  await changeOneDevice(fleet.context, 'system', stolen.id, { kind: 'revoke', reason: 'keyCompromise' });
  for (let day = 1; day <= DAYS; day++) {
    const { failure } = await fleet.liveOneDay();
    expect(failure).toBeNull();
    if (day % 7 === 0) {
      const { bytes, freeBytes } = await fleet.registry.space();
      samples.push({ day, rows: fleet.rowCounts(), used: bytes - freeBytes, file: bytes });
      // Somebody is given a new key, and a token is made that nobody uses.
      const id = DEVICES[(day / 7) % DEVICES.length] ?? '';
      former.push(fleet.member(id));
      await fleet.enroll(id);
      await tokenFor(null);
    }
  }
});
afterAll(() => fleet.close());

const tokenFor = async (device: string | null) => {
  const terms = { group: parseEntityName('devices'), device, maxUses: 1, lifetime: DAY };
  return (await createEnrollmentToken(fleet.context, 'system', terms)).token;
};

const enrollBy = async (token: string, { csr }: Pick<Member, 'csr'>, id: string) =>
  enrollDevice(fleet.context, {
    token,
    request: () => ({ ...csr, commonName: id }),
    address: '192.0.2.1',
  });

const greatest = (figures: readonly number[]) => Math.max(...figures);

describe('once the retention is reached', () => {
  const middle = Math.round((SETTLED + DAYS) / 2);
  const firstHalf = () => samples.filter(({ day }) => day >= SETTLED && day < middle);
  const secondHalf = () => samples.filter(({ day }) => day >= middle);

  it('no table grows but those that remember keys and archives', () => {
    const tables = Object.keys(samples[0]?.rows ?? {}).filter((table) => !GROWING.includes(table));
    expect(tables).toEqual(expect.arrayContaining(['certificates', 'tokens', 'tokenUses', 'journal']));
    for (const table of tables) {
      const rowsOf = ({ rows }: Sample) => rows[table] ?? 0;
      const [before, after] = [firstHalf(), secondHalf()].map((half) => greatest(half.map(rowsOf)));
      // Where the weeks of the archive fall makes a difference of a few rows.
      if ((after ?? 0) > (before ?? 0) * 1.01) throw new Error(`${table}: from ${before} rows to ${after}`);
    }
  });

  it('neither the file grows nor what is used of it, but for those two', () => {
    const [before, after] = [firstHalf(), secondHalf()];
    const grown = (of: (sample: Sample) => number) => greatest(after.map(of)) - greatest(before.map(of));
    const [first, last] = [before.at(-1), after.at(-1)];
    const growth = GROWING.map((table) => (last?.rows[table] ?? 0) - (first?.rows[table] ?? 0));
    expect(growth.every((count) => count > 0)).toBe(true);
    const room = (growth[0] ?? 0) * 64 + (growth[1] ?? 0) * 300 + 16 * 4_096;
    expect(grown(({ used }) => used)).toBeLessThan(room);
    expect(grown(({ file }) => file)).toBeLessThan(room);
  });

  it('of a device no more certificates are there than it had within the retention', () => {
    const devices = DEVICES.length;
    const ofDevices = greatest(secondHalf().map(({ rows }) => rows.certificates ?? 0));
    expect(ofDevices).toBeGreaterThan(devices * RETENTION_DAYS);
    expect(ofDevices).toBeLessThan(devices * (RETENTION_DAYS + 30));
  });

  it('one row is left of each key that was used before, however often it was certified', () => {
    const pruned = former.length - RETENTION_DAYS / 7;
    expect(samples.at(-1)?.rows.formerKeys).toBeGreaterThan(pruned);
    expect(samples.at(-1)?.rows.formerKeys).toBeLessThan(pruned + 10);
  });
});

describe('what has left the registry', () => {
  it('is no certificate any more', async () => {
    const { certificate } = sleeper;
    expect(await fleet.registry.certificate(certificate.fingerprint)).toBeUndefined();
    await expect(fleet.renew(sleeper)).rejects.toMatchObject({ code: 'certificate_unknown' });
  });

  it('leaves its key to no other device', async () => {
    const [replaced] = former;
    if (replaced === undefined) throw new Error('Nobody was enrolled anew');
    for (const [member, code] of [
      [sleeper, 'key_in_use'],
      [stolen, 'key_compromised'],
      [replaced, 'key_in_use'],
    ] as const) {
      expect(await fleet.registry.certificate(member.certificate.fingerprint)).toBeUndefined();
      const token = await tokenFor('somebody');
      await expect(enrollBy(token, member, 'somebody')).rejects.toMatchObject({ code });
    }
  });

  it('leaves its device enrolled: a token must name it, and takes its key as before', async () => {
    expect(await fleet.registry.certificatesOf(sleeper.id)).toEqual([]);
    const code = 'device_already_enrolled';
    await expect(enrollBy(await tokenFor(null), sleeper, 'sleeper')).rejects.toMatchObject({ code });
    const enrolled = await enrollBy(await tokenFor('sleeper'), sleeper, 'sleeper');
    expect(enrolled.kind).toBe('enrolled');
  });

  it('leaves a device revoked that was', async () => {
    expect(await fleet.registry.device(stolen.id)).toMatchObject({ status: 'revoked' });
    await expect(enrollBy(await tokenFor('stolen'), stolen, 'stolen')).rejects.toMatchObject({
      code: 'device_revoked',
    });
  });

  it('is in the journal, which verifies from its first row over archives and registry', async () => {
    const { registry, layout } = fleet;
    const { head, from, archives, unread } = await verifyWhole(registry, layout.archive);
    expect([from, unread]).toEqual([1, 0]);
    expect(head.seq).toBe(await registry.journalHead());
    // One a week, from when the retention was reached.
    expect(archives).toBeGreaterThan((DAYS - SETTLED) / 8);
    expect(archives).toBeLessThan((DAYS - RETENTION_DAYS) / 7);
    const [oldest] = await registry.journal(0, 1);
    expect(oldest?.time).toBeGreaterThan(fleet.now - (RETENTION_DAYS + 9) * DAY);
  });
});

it('the devices that renewed all the while go on', async () => {
  for (const id of DEVICES) {
    expect(await fleet.registry.enrolledAt(parseDeviceId(id))).toBe(Date.UTC(2026, 0, 1));
  }
  expect((await fleet.liveOneDay()).failure).toBeNull();
});
