/** When devices were seen is told to enroll: what is so when it is told, and that the run goes on, or has ended. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { filesIn, reported, takeReports } from './reports.ts';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.create({ limits: { reportInterval: 100 } });
});
afterEach(() => fleet.close());

const sighting = (id: string) =>
  eventually(async () => (await reported(fleet, 'sighting')).findLast(({ device }) => device === id));

describe('a device that comes and goes', () => {
  it('is told with its session, and why it went', async () => {
    const device = await fleet.enroll('dev-1');
    const before = Date.now();
    const client = await fleet.connect(device, { clientId: 'dev-1/a' });
    const seen = await sighting('dev-1');
    expect(seen).toMatchObject({
      disconnectedAt: null,
      reason: null,
      sessions: 1,
      clientId: 'dev-1/a',
      tlsVersion: 'TLSv1.3',
      serialNumber: device.serialNumber,
      address: expect.stringContaining('127.0.0.1'),
    });
    expect(seen.connectedAt).toBeGreaterThanOrEqual(before);
    await client.endAsync();
    const gone = await eventually(async () => {
      const last = await sighting('dev-1');
      return last.disconnectedAt === null ? undefined : last;
    });
    expect(gone).toMatchObject({ reason: 'disconnected', sessions: 0, connectedAt: seen.connectedAt });
  });

  it('within the interval is told once, as it is then', async () => {
    await sighting(await connectOnce('marker'));
    for (let times = 0; times < 3; times++) await connectOnce('dev-1');
    await sighting('dev-1');
    await connectOnce('last');
    await sighting('last');
    const files = filesIn(fleet.layout.reports);
    for (const reports of files) {
      const told = reports.filter((report) => report.kind === 'sighting' && report.device === 'dev-1');
      expect(told.length).toBeLessThanOrEqual(1);
    }
  });

  it('that is refused is not seen', async () => {
    const device = await fleet.enroll('dev-1');
    await expect(fleet.connect(device, { clientId: 'dev-2' })).rejects.toHaveProperty('code', 2);
    await sighting(await connectOnce('marker'));
    expect((await reported(fleet, 'sighting')).map(({ device: id }) => id)).toEqual(['marker']);
  });
});

async function connectOnce(id: string): Promise<string> {
  const identity = identities.get(id) ?? (await fleet.enroll(id));
  identities.set(id, identity);
  const client = await fleet.connect(identity);
  await client.endAsync();
  return id;
}
const identities = new Map<string, Awaited<ReturnType<Fleet['enroll']>>>();
beforeEach(() => identities.clear());

describe('a run of the broker', () => {
  it('is told at its start, though nobody comes, and at its end', async () => {
    const [run] = await eventually(async () => {
      const runs = await reported(fleet, 'run');
      return runs.length > 0 && runs;
    });
    expect(run?.endedAt).toBeNull();
    const device = await fleet.enroll('dev-1');
    const client = await fleet.connect(device);
    await client.publishAsync('devices/dev-1/status', 'x', { qos: 1 }); // by now the broker knows that it is there
    await fleet.stopBroker();
    const last = (await reported(fleet, 'run')).at(-1);
    expect(last).toMatchObject({ startedAt: run?.startedAt, endedAt: expect.any(Number) });
    // It came before the end, and its session ends with the run.
    expect(await sighting('dev-1')).toMatchObject({ disconnectedAt: null, run: run?.startedAt });
  });

  it('goes on with the numbers of the one before it, and leaves what was not taken in', async () => {
    await sighting(await connectOnce('dev-1'));
    await fleet.stopBroker();
    await fleet.startBroker();
    await sighting(await connectOnce('dev-2'));
    expect((await reported(fleet, 'sighting')).map(({ device }) => device)).toEqual(['dev-1', 'dev-2']);
    await takeReports(fleet);
    expect(await reported(fleet, 'sighting')).toEqual([]);
    await eventually(() => filesIn(fleet.layout.reports).length === 0);
  });
});
