// Archives the journal, and is killed before its nth step: a call to the file system, or to the registry. Prints the
// number of steps where it came to its end. Runs on the build (dist).
// Arguments: the registry's file, the folder of the archives, n, the time, and the time up to which rows go.
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [, , file, folder, step, now, before] = process.argv;
let steps = 0;

/** `work` as one more step. */
function counted(work) {
  return (...args) => {
    steps += 1;
    if (steps !== Number(step)) return work(...args);
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
}

const probe = await files.open(file, 'r');
const handles = Object.getPrototypeOf(probe);
await probe.close();
for (const name of ['mkdir', 'open', 'rename', 'rm', 'readdir']) files[name] = counted(files[name]);
for (const name of ['writeFile', 'sync', 'close']) {
  const work = handles[name];
  handles[name] = function call(...args) {
    return counted(() => work.apply(this, args))();
  };
}
syncBuiltinESMExports();

const { openRegistry } = await import('../../../dist/registry/sqlite/open.js');
const { ArchiveFolder } = await import('../../../dist/enroll/housekeeping/archive-folder.js');
const { archiveJournal } = await import('../../../dist/enroll/housekeeping/archive-journal.js');

const clock = { now: () => Number(now) };
const registry = await openRegistry({ file, clock });
const write = registry.write.bind(registry);
registry.write = counted(async (...args) => {
  const result = await write(...args);
  // Committed, and nobody has heard of it.
  return counted(() => result)();
});
steps = 0;
await archiveJournal({
  registry,
  folder: new ArchiveFolder(folder),
  clock,
  before: Number(before),
  signal: new AbortController().signal,
  pause: async () => undefined,
});
process.stdout.write(`${steps}\n`);
