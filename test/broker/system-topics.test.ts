/** The broker's own topics, by themselves, and what Aedes tells itself. */
import { describe, expect, it, jest } from '@jest/globals';
import { Aedes } from 'aedes';
import { type IPublishPacket, parser } from 'mqtt-packet';
import { CleanOutbox } from '../../broker/delivery/clean-outbox.ts';
import { Output } from '../../broker/front/output.ts';
import { defaultLimits } from '../../broker/limits.ts';
import { SubscriptionIndex } from '../../broker/persistence/subscription-index.ts';
import { DevicePresence } from '../../broker/presence/device-presence.ts';
import { SoundAedes } from '../../broker/sessions/sound-aedes.ts';
import { SystemTopics } from '../../broker/system-topics/system-topics.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { figureTopic, presenceTopic } from '../../core/policy/system-topics.ts';
import { eventually } from '../support/eventually.ts';
import { connectionOf, createStore, Line } from './samples.ts';

const topic = presenceTopic(parseDeviceId('pump-1'));

/** A session that is connected, and what it has heard. */
function subscribe(index: SubscriptionIndex, filter: string) {
  const line = new Line();
  const output = new Output({ socket: line, drainTime: 1_000, onStalled: () => {} });
  const outbox = new CleanOutbox({
    ...{
      output,
      judge: () => 'deliver',
      window: defaultLimits,
      most: { messages: 9, bytes: 9 },
      drainTime: 1_000,
      onOverflow: () => {},
    },
  });
  index.add(outbox, { topic: filter, qos: 1 });
  return { outbox, heard: () => packetsOf(line).map(({ topic: of, payload }) => `${of} ${payload}`) };
}

function packetsOf({ sent }: Line): IPublishPacket[] {
  const packets: IPublishPacket[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => packets.push(packet as IPublishPacket));
  reading.parse(sent);
  return packets;
}

describe('a subscriber to the own topics', () => {
  it('hears what its filter matches, until it unsubscribes or is gone', async () => {
    const index = new SubscriptionIndex();
    const topics = new SystemTopics(index);
    const [one, other] = [subscribe(index, '$SYS/broker/clients/+'), subscribe(index, '$SYS/#')];
    topics.publish(topic, 'x');
    topics.publish(figureTopic('clients/connected'), '1');
    topics.publish(figureTopic('uptime'), '2');
    other.outbox.close();
    index.remove(one.outbox, '$SYS/broker/clients/+');
    expect(topics.hasSubscribers).toBe(true);
    index.remove(other.outbox, '$SYS/#');
    expect(topics.hasSubscribers).toBe(false);
    topics.publish(figureTopic('clients/connected'), '3');
    await eventually(() => other.heard().length > 0);
    expect(one.heard()).toEqual(['$SYS/broker/clients/connected 1']);
    expect(other.heard()).toEqual(['$SYS/broker/clients/connected 1', '$SYS/broker/uptime 2']);
  });
});

describe('Aedes', () => {
  it('hands nothing that it tells itself to anybody, and a will to the exchange', async () => {
    const wills: string[] = [];
    const aedes = new SoundAedes({
      persistence: createStore(),
      publishWill: async ({ topic: of }, clientId) => void wills.push(`${of} of ${clientId}`),
    });
    await aedes.listen();
    const handedOn = jest.spyOn(Aedes.prototype, 'publish');
    const say = (of: string) =>
      new Promise<void>((done) =>
        aedes.publish(
          { cmd: 'publish', topic: of, payload: 'x', qos: 2, retain: false, dup: false, clientId: 'pump-1' },
          () => done(),
        ),
      );
    for (const internal of [`$SYS/${aedes.id}/new/clients`, '$presence/pump-1', 'status'])
      await say(internal);
    expect(wills).toEqual(['status of pump-1']);
    expect(handedOn).not.toHaveBeenCalled();
    handedOn.mockRestore();
    await new Promise<void>((resolve) => aedes.close(resolve));
  });
});

describe('what is remembered of devices', () => {
  it('has a bound, and those that are offline for longest make room', () => {
    let now = 0;
    const changed: string[] = [];
    const presence = new DevicePresence({ clock: { now: () => ++now }, onChange: (id) => changed.push(id) });
    const stays = connectionOf('stays');
    presence.arrived(stays);
    for (let index = 0; index <= 50_000; index++) {
      const connection = connectionOf(`d${index}`);
      presence.arrived(connection);
      presence.departed(connection, 'disconnected');
    }
    expect(presence.of(parseDeviceId('d0'))).toBeUndefined();
    expect(presence.of(parseDeviceId('d1'))).toMatchObject({ sessions: 0, reason: 'disconnected' });
    expect(presence.of(parseDeviceId('stays'))).toMatchObject({ sessions: 1, disconnectedAt: null });
    expect([...presence.all()]).toHaveLength(50_001);
  });

  it('tells each change once, and of a revoked device that it was seen', () => {
    const presence = new DevicePresence({ clock: { now: () => 1 }, onChange: () => {} });
    const [one, two] = [connectionOf('pump-1'), connectionOf('pump-1')];
    presence.departed(one, 'disconnected');
    expect(presence.takeUnreported(10)).toEqual([]);
    presence.arrived(one);
    presence.arrived(two);
    expect(presence.takeUnreported(10)).toMatchObject([{ device: 'pump-1', sessions: 2 }]);
    expect(presence.takeUnreported(10)).toEqual([]);
    presence.departed(one, 'device_revoked');
    presence.revoked(parseDeviceId('pump-1'));
    presence.departed(two, 'session_taken_over');
    expect(presence.isRevoked(parseDeviceId('pump-1'))).toBe(true);
    expect(presence.takeUnreported(10)).toMatchObject([{ sessions: 0, reason: 'session_taken_over' }]);
  });
});
