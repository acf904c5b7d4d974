/** When the registry or its journal cannot be read, nobody is let in; when it can be again, all is as it was. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { eventually } from './eventually.ts';
import { Fleet } from './fleet.ts';
import { untilClosed } from './inbox.ts';
import { attempt } from './raw-client.ts';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.create({ limits: { journalSilence: 100 } });
});
afterEach(() => fleet.close());

/** Moves a table out of the way, as a damaged file would. Returns what puts it back. */
function hideTable(table: string): () => void {
  const database = new Sqlite(fleet.layout.registry.database);
  database.exec(`ALTER TABLE ${table} RENAME TO hidden`);
  return () => {
    database.exec(`ALTER TABLE hidden RENAME TO ${table}`);
    database.close();
  };
}

describe('when the registry cannot be read', () => {
  it('refuses with "server unavailable", and admits again afterwards', async () => {
    const identity = await fleet.enroll('dev-1');
    const session = await fleet.connect(identity);
    const restore = hideTable('certificates');
    expect(await attempt(fleet, identity, 'dev-1')).toBe(3);
    expect(await fleet.refusals('registry_unavailable')).toBe(1);
    expect((await fleet.logged('connection refused', 'registry_unavailable')).err).toBeDefined();
    expect(session.connected).toBe(true);
    restore();
    expect(await attempt(fleet, identity, 'dev-1')).toBe(0);
  });
});

describe('when the journal cannot be read', () => {
  it('refuses once that has lasted, tells so at /health, and catches up afterwards', async () => {
    const identity = await fleet.enroll('dev-2');
    const session = await fleet.connect(identity);
    expect((await fleet.health()).status).toBe(200);
    const restore = hideTable('journal');
    await eventually(async () => (await fleet.health()).status === 503);
    expect(await attempt(fleet, identity, 'dev-2')).toBe(3);
    restore();
    await eventually(async () => (await fleet.health()).status === 200);
    await fleet.revoke('dev-2');
    await untilClosed(session);
  });
});
