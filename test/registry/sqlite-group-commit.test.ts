/** That writes at the same time share commits at all: the reason why a fleet can enroll faster than a disk syncs. */
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { change, NOW } from './samples.ts';

const folder = temporaryFolder();

describe('group commit', () => {
  it('makes one commit of the writes of one turn of the event loop, and bounds it', async () => {
    const registry = await openRegistry({ file: join(folder, 'registry.db'), clock: { now: () => NOW } });
    const onCommit = jest.fn();
    registry.watch(onCommit);
    const write = () => change(registry, async () => undefined);

    await Promise.all([write(), write()]);
    expect(onCommit).toHaveBeenCalledTimes(1);
    onCommit.mockClear();

    const promiseOfATurn = new Promise((resolve) => setImmediate(resolve));
    await Promise.all([...Array.from({ length: 99 }, write), promiseOfATurn.then(write)]);
    expect(onCommit.mock.calls.length).toBeLessThanOrEqual(2);
    onCommit.mockClear();

    await Promise.all(Array.from({ length: 300 }, write));
    expect(onCommit).toHaveBeenCalledTimes(3);
    expect(await registry.journalHead()).toBe(402);
    await registry.close();
  });
});
