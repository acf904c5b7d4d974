/** The broker's own topics, by themselves: apart from Aedes, and nobody waits for anybody. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DevicePresence } from '../../broker/presence/device-presence.ts';
import { SoundAedes } from '../../broker/sessions/sound-aedes.ts';
import { SystemTopics } from '../../broker/system-topics/system-topics.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { figureTopic, presenceTopic } from '../../core/policy/system-topics.ts';
import { connectionOf } from './samples.ts';

const topic = presenceTopic(parseDeviceId('pump-1'));

describe('a subscriber to the own topics', () => {
  it('that does not read keeps no other waiting', () => {
    const topics = new SystemTopics();
    const heard: string[] = [];
    topics.add('$presence/#', () => {}); // never says that it is done
    topics.add('$presence/+', ({ payload }) => void heard.push(String(payload)));
    topics.publish(topic, 'one');
    topics.publish(topic, 'two');
    expect(heard).toEqual(['one', 'two']);
  });

  it('hears what its filter matches, until it unsubscribes', () => {
    const topics = new SystemTopics();
    const heard: string[] = [];
    const deliver = ({ topic: of }: { topic: string }) => void heard.push(of);
    topics.add('$SYS/broker/clients/+', deliver);
    topics.publish(topic, 'x');
    topics.publish(figureTopic('clients/connected'), '1');
    topics.publish(figureTopic('uptime'), '1');
    expect(heard).toEqual(['$SYS/broker/clients/connected']);
    topics.remove('$SYS/broker/clients/+', deliver);
    expect(topics.hasSubscribers).toBe(false);
    topics.publish(figureTopic('clients/connected'), '2');
    expect(heard).toHaveLength(1);
  });
});

describe('Aedes', () => {
  let aedes: SoundAedes;
  let topics: SystemTopics;
  beforeEach(async () => {
    topics = new SystemTopics();
    aedes = new SoundAedes({ systemTopics: topics });
    await aedes.listen();
  });
  afterEach(() => new Promise<void>((resolve) => aedes.close(resolve)));

  it.each(['$SYS/#', '$SYS/+/new/clients', '$presence/#'])(
    'hands nothing that it tells itself to whoever subscribes to %s',
    async (filter) => {
      const heard: string[] = [];
      const subscribed = new Promise<void>((done) =>
        aedes.subscribe(
          filter,
          (packet, next) => {
            heard.push(packet.topic);
            next();
          },
          done,
        ),
      );
      await subscribed;
      for (const internal of [`$SYS/${aedes.id}/new/clients`, '$presence/pump-1', '$SYS/broker/uptime']) {
        await new Promise<void>((done) =>
          aedes.publish(
            { cmd: 'publish', topic: internal, payload: 'x', qos: 0, retain: false, dup: false },
            () => done(),
          ),
        );
      }
      expect(heard).toEqual([]);
      topics.publish(topic, 'x');
      expect(heard).toEqual(filter === '$presence/#' ? [topic] : []);
    },
  );
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
