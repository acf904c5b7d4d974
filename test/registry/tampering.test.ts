/** The journal in the hands of somebody who can write the file: refused by its triggers, found by its chain. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite, { type Database } from 'better-sqlite3';
import { type ChainHead, verifyChain } from '../../core/journal/chain.ts';
import { openRegistry, openRegistryView } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { NOW, someEvent } from './samples.ts';

const folder = temporaryFolder();
let count = 0;

describe('the journal in the file', () => {
  let file: string;
  let head: ChainHead;

  /** Rows 1 to 6. */
  beforeEach(async () => {
    count += 1;
    file = join(folder, `${count}.db`);
    const registry = await openRegistry({ file, clock: { now: () => NOW } });
    for (let seq = 1; seq <= 6; seq++) {
      await registry.write('operator:admin', (transaction) => transaction.append(someEvent(`note ${seq}`)));
    }
    head = await verify(file);
    await registry.close();
  });

  it('verifies as long as nobody touches it', async () => {
    expect(await verify(file, head)).toEqual(head);
    expect(head.seq).toBe(6);
  });

  it.each([
    ['an edit', 'UPDATE journal SET time = 0 WHERE seq = 3'],
    ['a removal', 'DELETE FROM journal WHERE seq = 6'],
    [
      'a row over another',
      `INSERT OR REPLACE INTO journal SELECT 3, time, actor, event, previousHash, hash FROM journal WHERE seq = 2`,
    ],
    [
      'a gap',
      `INSERT INTO journal SELECT 8, time, actor, event, previousHash, hash FROM journal WHERE seq = 6`,
    ],
  ])('refuses %s', async (_what, sql) => {
    withDatabase(file, (database) => expect(() => database.exec(sql)).toThrow(/journal/));
    expect(await verify(file, head)).toEqual(head);
  });

  it.each([
    ['another time', 3, 'UPDATE journal SET time = time + 1 WHERE seq = 3'],
    ['another actor', 3, `UPDATE journal SET actor = 'system' WHERE seq = 3`],
    ['another event', 3, `UPDATE journal SET event = replace(event, 'note 3', 'note 7') WHERE seq = 3`],
    ['white space in an event', 3, `UPDATE journal SET event = event || ' ' WHERE seq = 3`],
    [
      'a key twice in an event',
      3,
      `UPDATE journal SET event = replace(event, '{"action"', '{"action":"x","action"') WHERE seq = 3`,
    ],
    ['an event that is no JSON', 3, `UPDATE journal SET event = 'gone' WHERE seq = 3`],
    ['another hash', 3, `UPDATE journal SET hash = upper(hash) WHERE seq = 3`],
    ['another previous hash', 3, `UPDATE journal SET previousHash = hash WHERE seq = 3`],
    ['an edit of the first row', 1, 'UPDATE journal SET time = 0 WHERE seq = 1'],
    ['an edit of the last row', 6, 'UPDATE journal SET time = 0 WHERE seq = 6'],
    ['a row removed', 3, 'DELETE FROM journal WHERE seq = 3'],
    ['the first row removed', 1, 'DELETE FROM journal WHERE seq = 1'],
    [
      'a row removed and the rest renumbered',
      3,
      'DELETE FROM journal WHERE seq = 3; UPDATE journal SET seq = seq - 1 WHERE seq > 3',
    ],
    [
      'two rows exchanged',
      3,
      'UPDATE journal SET seq = 99 WHERE seq = 3; UPDATE journal SET seq = 3 WHERE seq = 4; UPDATE journal SET seq = 4 WHERE seq = 99',
    ],
    ['the last row removed', 6, 'DELETE FROM journal WHERE seq = 6'],
    ['all rows removed', 1, 'DELETE FROM journal'],
  ])('shows %s, and where', async (_what, seq, sql) => {
    withDatabase(file, (database) => {
      for (const trigger of ['journalIsNotEdited', 'journalIsNotCut'])
        database.exec(`DROP TRIGGER ${trigger}`);
      database.exec(sql);
    });
    await expect(verify(file, head)).rejects.toMatchObject({
      code: 'journal_broken',
      message: expect.stringContaining(`journal row ${seq} `),
    });
  });
});

async function verify(file: string, expected?: ChainHead): Promise<ChainHead> {
  const view = await openRegistryView({ file });
  try {
    return verifyChain(await view.journal(0, 100), undefined, expected);
  } finally {
    await view.close();
  }
}

function withDatabase(file: string, use: (database: Database) => void): void {
  const database = new Sqlite(file);
  try {
    use(database);
  } finally {
    database.close();
  }
}
