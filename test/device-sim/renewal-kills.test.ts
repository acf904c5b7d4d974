/** A device that is killed in the midst of a renewal, between every two steps of it, at a real Gatehouse. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadIdentity } from '../../device-sim/identity/identity.ts';
import {
  folderStorage,
  type IdentityStorage,
  memoryStorage,
} from '../../device-sim/identity/identity-storage.ts';
import { eventually } from '../support/eventually.ts';
import { simulator } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DUE_MS, RenewingDevice } from './support/renewing-device.ts';
import { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start(folder);
  writeFileSync(caFile, world.ca);
});
afterAll(() => world?.close());
// Removed last, for hooks run in the order in which they are defined.
const folder = temporaryFolder();
const caFile = join(folder, 'root.pem');

/** Counts the steps of a device's life, and cuts it off at one of them. */
class Fuse {
  readonly steps: string[] = [];
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  readonly step = (name: string): void => {
    if (this.steps.push(name) === this.#at) throw new Error(`killed ${name}`);
  };

  /** Cut off before each change of the storage; after the last one there are other steps. */
  around(storage: IdentityStorage): IdentityStorage {
    return {
      ...storage,
      write: async (file, content) => {
        this.step(`before ${file} is written`);
        await storage.write(file, content);
      },
      move: async (from, to) => {
        this.step(`before ${from} becomes ${to}`);
        await storage.move(from, to);
      },
      remove: async (file) => {
        this.step(`before ${file} is removed`);
        await storage.remove(file);
      },
    };
  }
}

type Begin = 'in flight' | 'before it connects';

/** Lives until it has renewed and is online, or is cut off; nothing of it goes on then. */
async function liveOnce(storage: IdentityStorage, fuse: Fuse, begin: Begin): Promise<void> {
  const device = new RenewingDevice({ world, storage: fuse.around(storage), step: fuse.step });
  await device.start(begin === 'in flight' ? 0 : DUE_MS);
  let isOver = false;
  void device.ended
    .catch(() => {})
    .then(() => {
      isOver = true;
    });
  if (begin === 'in flight') {
    await eventually(() => device.isOnline || isOver);
    device.clock.set(DUE_MS);
  }
  const sessions = begin === 'in flight' ? 2 : 1;
  await eventually(() => isOver || (device.sessions.length === sessions && device.isOnline));
  for (const session of device.sessions) session.drop();
  await device.stop().catch(() => {});
}

/** Started again while it is due, it ends online, with one certificate that stands: its own. */
async function expectRecovery(id: string, storage: IdentityStorage): Promise<void> {
  expect((await world.active(id)).length).toBeLessThanOrEqual(2);
  const device = await new RenewingDevice({ world, storage }).start(DUE_MS);
  await eventually(() => device.count('renewed') === 1 && device.isOnline);
  await eventually(async () => (await world.active(id)).length === 1);
  const [standing] = await world.active(id);
  expect((await loadIdentity(storage))?.serialNumber).toBe(standing?.serialNumber);
  expect((await world.certificates(id)).length).toBeLessThanOrEqual(3);
  await device.stop();
}

describe.each<Begin>(['in flight', 'before it connects'])('killed at any step of a renewal %s', (begin) => {
  const killedAt = async (at: number): Promise<Fuse> => {
    const id = `${begin.replaceAll(' ', '-')}-${at}`;
    const storage = memoryStorage();
    await world.enroll(id, storage);
    const fuse = new Fuse(at);
    await liveOnce(storage, fuse, begin);
    await expectRecovery(id, storage);
    return fuse;
  };

  it('a device goes on when it is started again', async () => {
    const { steps } = await killedAt(Number.POSITIVE_INFINITY);
    // Key, request, asked, answered, three files of the answer, connecting, admitted, and five that move.
    expect(steps.length).toBeGreaterThanOrEqual(14);
    const fuses = await Promise.all(steps.map((_step, index) => killedAt(index + 1)));
    expect(fuses.map((fuse) => fuse.steps.at(-1))).toEqual(steps);
  });
});

/** In the order in which a renewal touches them: when it begins, is answered, is about to switch, has switched. */
const touched = ['next-key.pem', 'next-cert.pem', 'key.pem', 'cert.pem'];

describe('killed by the system', () => {
  const children = new Set<ChildProcess>();
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  function run(state: string) {
    const address = ['--url', world.enrollUrl, '--ca', caFile, '--mqtt-url', world.mqttUrl];
    const given = ['run', '--json', '--state', state, '--interval', '20ms', ...address];
    const child = spawn(process.execPath, [simulator, ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    const ended = once(child, 'close').then(([code]) => {
      children.delete(child);
      return code as number | null;
    });
    return { child, ended, stdout: () => stdout };
  }

  function makeDue(state: string): void {
    const file = join(state, 'enrollment.json');
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...stored, renewAfter: new Date(0).toISOString() }));
  }

  it.each(touched)('when %s changes, a device goes on with an identity that works', async (file) => {
    const id = file.replace('.', '-');
    const state = join(folder, id);
    await world.enroll(id, folderStorage(state));
    makeDue(state);
    const killed = run(state);
    const watcher = watch(state, (_event, name) => name === file && killed.child.kill('SIGKILL'));
    await killed.ended;
    watcher.close();
    expect((await world.active(id)).length).toBeLessThanOrEqual(2);

    const device = run(state);
    await eventually(() => device.stdout().includes('"published"'));
    device.child.kill('SIGTERM');
    expect(await device.ended).toBe(0);
    await eventually(async () => {
      const own = await loadIdentity(folderStorage(state));
      const standing = await world.active(id);
      return standing.length === 1 && standing[0]?.serialNumber === own?.serialNumber;
    });
  });
});
