/** Renewal in flight, at a real Gatehouse: what a device says, what it is told, and what becomes of its certificates. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Session } from '../../device-sim/contract/mqtt-session.ts';
import { type Identity, loadIdentity } from '../../device-sim/identity/identity.ts';
import { type IdentityStorage, memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DUE_MS, RenewingDevice, type RenewingDeviceOptions } from './support/renewing-device.ts';
import { World } from './support/world.ts';

let world: World;
let commander: Session;
/** By topic, what the commander received. */
const heard = new Map<string, string[]>();
beforeAll(async () => {
  world = await World.start(folder);
  const policy = {
    publish: ['devices/+/commands/#'],
    subscribe: ['devices/+/telemetry/#', 'devices/+/status'],
  };
  await world.operator('PUT', '/policies/commander', policy);
  await world.operator('PUT', '/groups/commanders', { profile: 'device', policy: 'commander' });
  commander = await world.connect(await world.enroll('commander', memoryStorage(), 'commanders'));
  commander.onMessage((topic, payload) => {
    heard.set(topic, [...(heard.get(topic) ?? []), payload.toString('utf8')]);
  });
  for (const filter of policy.subscribe) await commander.subscribe(filter);
});
afterAll(async () => {
  await commander?.end();
  await world?.close();
});
// Removed last, for hooks run in the order in which they are defined.
const folder = temporaryFolder();

let device: RenewingDevice;
let storage: IdentityStorage;
let old: Identity;
let names = 0;
/** A device at work. */
async function start(changes: Partial<RenewingDeviceOptions> = {}): Promise<void> {
  names += 1;
  storage = memoryStorage();
  old = await world.enroll(`pump-${names}`, storage);
  device = await new RenewingDevice({ world, storage, ...changes }).start();
  await eventually(() => readings().length > 0);
}
afterEach(() => device?.stop());

const heardOn = (topic: string) => heard.get(`devices/${old.deviceId}/${topic}`) ?? [];
const readings = () => heardOn('telemetry').map((text) => JSON.parse(text).seq);
const answers = () => heardOn('telemetry/answers').map((text) => JSON.parse(text).id);

/** Sets the device's clock forward, and waits for it to be back with the new certificate. */
async function renewNow(): Promise<void> {
  const before = device.sessions.length;
  device.clock.set(DUE_MS);
  await eventually(() => device.sessions.length > before && device.isOnline);
}

describe('a device that renews in flight', () => {
  it('loses nothing that it says, renewal after renewal', async () => {
    await start();
    for (const count of [20, 40, 60]) {
      await eventually(() => readings().length >= count);
      await renewNow();
    }
    await eventually(() => readings().length >= 80);
    await device.stop();
    const acknowledged = device.events.filter(({ name }) => name === 'published').length;
    await eventually(() => readings().length >= acknowledged);
    expect(readings()).toEqual(Array.from({ length: acknowledged }, (_, index) => index + 1));
    expect(device.sessions).toHaveLength(4);
  });

  it('answers every command that is sent to it meanwhile', async () => {
    await start();
    let isBack = false;
    const renewing = renewNow().then(() => {
      isBack = true;
    });
    let sent = 0;
    while (!isBack) {
      sent += 1;
      const command = JSON.stringify({ command: 'ping', id: `${sent}` });
      await commander.publish(`devices/${old.deviceId}/commands/do`, command);
    }
    await renewing;
    await eventually(() => new Set(answers()).size >= sent);
    expect(sent).toBeGreaterThan(2);
  });

  it('comes back to the session that the broker kept, and never said that it was offline', async () => {
    await start();
    await renewNow();
    expect(device.sessions.map(({ isResumed }) => isResumed)).toEqual([false, true]);
    await eventually(() => heardOn('status').length >= 2);
    expect(new Set(heardOn('status'))).toEqual(new Set(['{"status":"online"}']));
  });

  it('ends with one certificate that stands, and nothing left of the way to it', async () => {
    await start();
    await renewNow();
    await eventually(async () => (await world.active(old.deviceId)).length === 1);
    const [standing] = await world.active(old.deviceId);
    expect((await loadIdentity(storage))?.serialNumber).toBe(standing?.serialNumber);
    expect(standing?.serialNumber).not.toBe(old.serialNumber);
    await expect(world.connect(old)).rejects.toMatchObject({ code: 'mqtt_not_authorized' });
    for (const part of ['key.pem', 'request.pem', 'cert.pem'] as const) {
      expect(await storage.read(`next-${part}`)).toBeUndefined();
    }
  });

  it.each([
    ['new', false],
    ['same', true],
  ] as const)('has the %s key that it was to have', async (renewalKey, isSame) => {
    await start({ renewalKey });
    await renewNow();
    expect((await loadIdentity(storage))?.key === old.key).toBe(isSame);
  });
});

describe('while enroll is down', () => {
  it('a device goes on with the certificate it has, and renews when enroll is back', async () => {
    await start();
    await world.stopEnroll();
    device.clock.set(DUE_MS);
    await eventually(() => device.count('renewal-failed') >= 2);
    const until = readings().length;
    await eventually(() => readings().length > until + 5);
    expect(device.sessions).toHaveLength(1);
    await world.startEnroll();
    await eventually(() => device.sessions.length === 2 && device.isOnline);
    await eventually(async () => (await world.active(old.deviceId)).length === 1);
  });
});

describe('a device that is revoked', () => {
  it('is refused for good, for that reason, once it is due', async () => {
    await start();
    await world.operator('POST', `/devices/${old.deviceId}/revoke`, {});
    await eventually(() => device.states.at(-1)?.name === 'waiting');
    device.clock.set(DUE_MS);
    expect(await device.ended).toMatchObject({ code: 'device_revoked', retry: 'never' });
  });
});

describe('a device that is suspended when it is due', () => {
  it('knocks until an operator resumes it, and then renews', async () => {
    await start();
    await world.operator('POST', `/devices/${old.deviceId}/suspend`, {});
    device.clock.set(DUE_MS);
    await eventually(() =>
      device.renewals.some(
        (event) => event.name === 'renewal-failed' && event.reason.code === 'device_suspended',
      ),
    );
    await world.operator('POST', `/devices/${old.deviceId}/resume`, {});
    await eventually(() => device.count('renewed') === 1 && device.isOnline);
  });
});
