/** The watch by itself, looked at directly instead of through its timer. */
import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Sqlite, { type Database } from 'better-sqlite3';
import { connectReader, connectWriter } from '../../registry/sqlite/connection.ts';
import { CommitWatch } from '../../registry/sqlite/watch.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let count = 0;

describe('watching SQLite for commits', () => {
  let writer: Database;
  let reader: Database;
  let watch: CommitWatch;

  beforeEach(() => {
    count += 1;
    const file = join(folder, `${count}.db`);
    new Sqlite(file).close();
    writer = connectWriter(file);
    writer.exec('CREATE TABLE t (a INTEGER) STRICT');
    reader = connectReader(file);
    watch = new CommitWatch(reader);
  });

  afterEach(() => {
    watch.close();
    reader.close();
    writer.close();
  });

  it('calls once for a commit, and not while there is none', () => {
    const onChange = jest.fn();
    watch.add(onChange);
    watch.check();
    onChange.mockClear();
    watch.check();
    expect(onChange).not.toHaveBeenCalled();
    writer.exec('BEGIN; INSERT INTO t VALUES (1)');
    watch.check();
    expect(onChange).not.toHaveBeenCalled();
    writer.exec('COMMIT');
    watch.check();
    watch.check();
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  it('tells of a failure once, however often it looks', () => {
    const onError = jest.fn();
    watch.add(jest.fn(), onError);
    watch.check();
    reader.close();
    watch.check();
    watch.check();
    expect(onError).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['another file is in its place', (file: string) => renameSync(copyOf(file), file)],
    ['it is gone', (file: string) => rmSync(file)],
  ])('tells once when %s', (_, replace) => {
    const onError = jest.fn();
    watch.add(jest.fn(), onError);
    watch.checkFile();
    expect(onError).not.toHaveBeenCalled();
    replace(reader.name);
    watch.checkFile();
    watch.checkFile();
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ code: 'registry_replaced' })]]);
  });

  it('keeps no timer when nobody watches', () => {
    const set = jest.spyOn(globalThis, 'setInterval');
    const clear = jest.spyOn(globalThis, 'clearInterval');
    const stop = watch.add(jest.fn());
    const stopSecond = watch.add(jest.fn());
    expect(set).toHaveBeenCalledTimes(2);
    stop();
    expect(clear).not.toHaveBeenCalled();
    stopSecond();
    expect(clear).toHaveBeenCalledTimes(2);
    jest.restoreAllMocks();
  });
});

function copyOf(file: string): string {
  const copy = `${file}.copy`;
  copyFileSync(file, copy);
  return copy;
}
