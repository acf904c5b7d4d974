/** When the registry or its journal cannot be read, nobody is let in; when it can be again, all is as it was. */
import { copyFileSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { eventually } from '../support/eventually.ts';
import { Fleet } from './fleet.ts';
import { untilClosed } from './inbox.ts';
import { attempt } from './raw-client.ts';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.create({ limits: { journalSilence: 100, journalLoss: 1_500 } });
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

describe('when the journal cannot be read for long', () => {
  it('ends every session, for none can be told from one that was revoked', async () => {
    const session = await fleet.connect(await fleet.enroll('dev-4'));
    const restore = hideTable('journal');
    await untilClosed(session);
    expect(await fleet.metric('cut_off_total', { rule: 'registry_unavailable' })).toBe(1);
    restore();
  });
});

describe('when another registry takes the place of the one that is open', () => {
  it('lets nobody in any more, and ends', async () => {
    const identity = await fleet.enroll('dev-3');
    const { database } = fleet.layout.registry;
    copyFileSync(database, `${database}.backup`);
    renameSync(`${database}.backup`, database);
    await eventually(() => fleet.fatal.length > 0);
    expect(fleet.fatal).toMatchObject([{ code: 'registry_replaced' }]);
    expect((await fleet.health()).status).toBe(503);
    expect(await attempt(fleet, identity, 'dev-3')).toBe(3);
    expect(fleet.log.find(({ rule }) => rule === 'registry_replaced')).toMatchObject({ level: 60 });
  });
});
