/** The feed of reports, by itself: however much there is to tell, it is a file an interval, and all of it is told. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DevicePresence } from '../../broker/presence/device-presence.ts';
import { FirstUses } from '../../broker/reports/first-uses.ts';
import { ReportFeed } from '../../broker/reports/report-feed.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { RefusalLedger } from '../../core/observations/refusal-ledger.ts';
import type { ObservationReader } from '../../registry/observations.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { filesIn } from './reports.ts';
import { clock, connectionOf, log } from './samples.ts';

const INTERVAL_MS = 100;
const root = temporaryFolder();
const nothingTaken: Pick<ObservationReader, 'lastReport'> = { lastReport: async () => 0 };
let folder: string;
let count = 0;
let ledger: RefusalLedger;
let presence: DevicePresence;
let feed: ReportFeed;
beforeEach(async () => {
  folder = join(root, String(++count));
  ledger = new RefusalLedger();
  presence = new DevicePresence({ clock, onChange: () => feed.noted() });
  feed = new ReportFeed({
    writer: await ReportWriter.open(folder, 0),
    registry: { observations: nothingTaken as ObservationReader },
    firstUses: new FirstUses({ clock, onNote: () => feed.urged() }),
    presence,
    refusals: ledger,
    limits: { reportInterval: INTERVAL_MS },
    clock,
    log,
  });
});
afterEach(() => feed.close());

function refuse(topic: string): void {
  const refusal = { action: 'publish', rule: 'publish_denied', detail: '', address: '' } as const;
  ledger.note(parseDeviceId('pump'), { ...refusal, topic, serialNumber: null, clientId: null }, Date.now());
  feed.noted();
}

describe('a feed of reports', () => {
  it('writes a file an interval, though there is something new to tell at any time', async () => {
    const began = performance.now();
    const intervalsSince = () => (performance.now() - began) / INTERVAL_MS;
    await eventually(() => {
      refuse('a');
      return intervalsSince() > 6 && filesIn(folder).length > 1;
    });
    const files = filesIn(folder).length;
    const intervals = intervalsSince();
    expect(files).toBeLessThanOrEqual(intervals + 2); // the one that says that the run began, and the one under way
  });

  it('tells at one time what is too much for a file', async () => {
    const connections = Array.from({ length: 2_500 }, (_, index) => connectionOf(`d${index}`));
    for (const connection of connections) presence.arrived(connection);
    const sightings = () =>
      filesIn(folder).map((reports) => reports.filter(({ kind }) => kind === 'sighting').length);
    await eventually(() => sightings().reduce((sum, length) => sum + length, 0) === connections.length);
    expect(sightings().filter((length) => length > 0)).toEqual([1_000, 1_000, 500]);
  });

  it('tells the rest when it is closed, and that the run has ended', async () => {
    refuse('last');
    await feed.close();
    const last = filesIn(folder).at(-1) ?? [];
    expect(last[0]).toMatchObject({ kind: 'run', endedAt: expect.any(Number) });
    expect(filesIn(folder).flat()).toContainEqual(
      expect.objectContaining({ kind: 'refusal', topic: 'last' }),
    );
  });
});
