/** Who has too much in memory that waits for the disk is to wait, and nobody else. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Backlog } from '../../broker/persistence/sqlite/backlog.ts';

const MOST = 120_000;
const MOST_IN_ALL = 10 * MOST;

let backlog: Backlog;
beforeEach(() => {
  backlog = new Backlog();
});

/** Whether it has resolved by now. */
async function isOver(promise: Promise<void> | null): Promise<boolean> {
  let over = false;
  void promise?.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

describe('a publisher', () => {
  it('that has asked for too many rows waits until enough of them are done', async () => {
    backlog.add('loud', MOST);
    expect(backlog.roomOf('loud')).toBeNull();
    backlog.add('loud', 1_000);
    const room = backlog.roomOf('loud');
    backlog.remove('loud', 500);
    backlog.relieve();
    expect(await isOver(room)).toBe(false);
    backlog.remove('loud', 500);
    backlog.relieve();
    expect(await isOver(room)).toBe(true);
    expect(backlog.roomOf('loud')).toBeNull();
  });

  it('does not wait for another one', () => {
    backlog.add('loud', 2 * MOST);
    backlog.add('quiet', 1);
    expect(backlog.roomOf('quiet')).toBeNull();
  });
});

describe('many publishers', () => {
  it('may have no more together than there is memory for, and who has little goes on', async () => {
    const publishers = Array.from({ length: 1_000 }, (_, index) => `device-${index}`);
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const publisher of publishers) {
        if (backlog.roomOf(publisher) !== null) continue;
        backlog.add(publisher, 100);
        isBusy = true;
      }
    }
    const rooms = publishers.map((publisher) => backlog.roomOf(publisher));
    expect(rooms).not.toContain(null);
    backlog.add('quiet', 1);
    expect(backlog.roomOf('quiet')).toBeNull();
    for (const publisher of publishers) backlog.remove(publisher, (1.5 * MOST_IN_ALL) / publishers.length);
    backlog.relieve();
    for (const room of rooms) expect(await isOver(room)).toBe(true);
  });
});
