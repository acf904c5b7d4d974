/** Folders are made step by step, and a file system that takes none is told of instead of being asked for ever. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import { makeFolder } from '../../runtime/make-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const modeOf = (path: string) => statSync(path).mode & 0o777;
const refused = expect.objectContaining({ code: 'folder_refused' });

describe('a folder', () => {
  it('is made with those above it, each open to its owner alone', async () => {
    await makeFolder(join(folder, 'a', 'b', 'c'));
    expect(['a', 'a/b', 'a/b/c'].map((path) => modeOf(join(folder, path)))).toEqual([0o700, 0o700, 0o700]);
  });

  it('is made by a relative path, and by one with a slash at its end', async () => {
    await makeFolder(`${relative(process.cwd(), join(folder, 'relative', 'one'))}/`);
    expect(existsSync(join(folder, 'relative', 'one'))).toBe(true);
  });

  it('that is there stays as it is', async () => {
    mkdirSync(join(folder, 'shared'), { mode: 0o750 });
    await makeFolder(join(folder, 'shared'));
    expect(modeOf(join(folder, 'shared'))).toBe(0o750);
  });

  it('is made once by many who ask at the same time', async () => {
    const path = join(folder, 'many', 'at', 'once');
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));
    expect(existsSync(path)).toBe(true);
  });

  it('is no file, and not in a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(folder, 'file', 'in'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

// Linux has it; nothing else answers ENOENT where the parent is there.
(existsSync('/proc/self/status') ? describe : describe.skip)('in /proc', () => {
  it.each(['/proc/gatehouse', '/proc/gatehouse/a/b', '/proc/self/gatehouse'])(
    '%s is refused',
    async (path) => {
      await expect(makeFolder(path)).rejects.toEqual(refused);
      await expect(writeFileAtomic(join(path, 'file'), '')).rejects.toEqual(refused);
    },
  );
});
