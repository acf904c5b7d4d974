/** Devices that were away when their certificate fell due, and renewals that the broker does not honour. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createEnrollClient } from '../../device-sim/contract/enroll-client.ts';
import { loadIdentity, loadSuccessor } from '../../device-sim/identity/identity.ts';
import { type IdentityStorage, memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import { renewIdentity } from '../../device-sim/identity/renew-identity.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DUE_MS, RenewingDevice } from './support/renewing-device.ts';
import { World } from './support/world.ts';

const DAY = 86_400_000;
/** The server's: behind while a device enrolls that is to have expired by now. */
const clock = { behind: 0, now: () => Date.now() - clock.behind };
let world: World;
beforeAll(async () => {
  world = await World.start(folder, clock);
  await world.operator('PUT', '/profiles/short', { validity: '70d' });
  for (const [group, renewalGrace] of Object.entries({ strict: 0, lenient: '30d' })) {
    await world.operator('PUT', `/groups/${group}`, { profile: 'short', policy: 'device', renewalGrace });
  }
});
afterAll(() => world?.close());
// Removed last, for hooks run in the order in which they are defined.
const folder = temporaryFolder();

let device: RenewingDevice;
let storage: IdentityStorage;
afterEach(() => device?.stop());

describe('a device that was away until its certificate had expired', () => {
  /** Expired ten days ago. */
  async function prepare(id: string, group: string): Promise<void> {
    storage = memoryStorage();
    clock.behind = 80 * DAY;
    await world.enroll(id, storage, group);
    clock.behind = 0;
    device = new RenewingDevice({ world, storage });
  }

  it('is refused for good where its group grants no grace, and does not knock at the broker', async () => {
    await prepare('late', 'strict');
    await device.start();
    expect(await device.ended).toMatchObject({
      code: 'certificate_expired',
      retry: 'never',
      remedy: expect.stringContaining('enroll again'),
    });
    expect(device.states.map(({ name }) => name)).toEqual(['connecting', 'refused']);
    expect(device.sessions).toEqual([]);
  });

  it('renews within the grace, and then connects', async () => {
    await prepare('in-grace', 'lenient');
    await device.start();
    await eventually(() => device.isOnline);
    expect(device.count('renewed')).toBe(1);
    expect((await loadIdentity(storage))?.notAfter).toBeGreaterThan(Date.now());
  });

  it('waits for enroll where that does not answer', async () => {
    await prepare('patient', 'lenient');
    await world.stopEnroll();
    await device.start();
    await eventually(() => device.count('renewal-failed') >= 2);
    expect(device.sessions).toEqual([]);
    await world.startEnroll();
    await eventually(() => device.isOnline);
  });
});

describe('a renewed certificate that the broker refuses', () => {
  /** The device has a successor; enroll was asked once more since, and gave another in its place. */
  async function prepare(id: string): Promise<void> {
    storage = memoryStorage();
    const identity = await world.enroll(id, storage);
    const client = createEnrollClient({ url: world.enrollUrl, ca: world.ca, credentials: identity });
    const renew = async (csr: string) => (await client.renew(csr)).enrollment;
    for (const place of [storage, memoryStorage()]) {
      await renewIdentity({ storage: place, identity, renewalKey: 'new', renew });
    }
    await client.close();
  }

  it('is given up for the one before, which renews again', async () => {
    await prepare('misled');
    device = await new RenewingDevice({ world, storage }).start();
    await eventually(() => device.isOnline);
    expect(device.renewals.map(({ name }) => name)).toEqual(['renewal-refused']);
    expect(await loadSuccessor(storage)).toBeUndefined();
    device.clock.set(DUE_MS);
    await eventually(() => device.sessions.length === 2 && device.isOnline);
    await eventually(async () => (await world.active('misled')).length === 1);
  });

  it('is kept for as long as the one before is refused too', async () => {
    await prepare('barred');
    await world.operator('POST', '/devices/barred/suspend', {});
    device = await new RenewingDevice({ world, storage }).start();
    await eventually(() => device.states.filter(({ name }) => name === 'waiting').length > 2);
    expect(await loadSuccessor(storage)).toBeDefined();
    expect(device.renewals).toEqual([]);
    await world.operator('POST', '/devices/barred/resume', {});
    await eventually(() => device.isOnline);
  });
});
