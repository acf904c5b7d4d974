/** Normative statements of MQTT 3.1.1 about what a server accepts and answers, each by the bytes on a real connection. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { answers, refused, violations } from './conformance-cases.ts';
import { Fleet } from './fleet.ts';
import { bytes, CONNECTED, field, PING, PONG, packet, text, WILL } from './packet-bytes.ts';
import { connectPacket, RawClient } from './raw-client.ts';

let fleet: Fleet;
let identity: Identity;
let watcher: RawClient;
beforeAll(async () => {
  fleet = await Fleet.create({ limits: { connectsPerSecond: 1_000 } });
  await fleet.applyPolicyGroup('anything', { publish: ['#'], subscribe: ['#'] });
  identity = await fleet.enroll('dev', { group: 'anything' });
  watcher = await RawClient.open(fleet, await fleet.enroll('watcher', { group: 'anything' }));
  watcher.send(connectPacket('watcher'), bytes('82 09 0001 0004', text('will'), '00'));
  await heard(watcher, '90 03 0001 00');
});
afterAll(() => fleet.close());

async function heard(client: RawClient, expected: string): Promise<void> {
  const wanted = bytes(expected);
  await eventually(() => client.received.includes(wanted) || client.closed);
  expect(client.received.toString('hex')).toContain(wanted.toString('hex'));
}

let session = 0;

/** With a will of QoS 0 to `will`. */
async function connected(): Promise<{ readonly client: RawClient; readonly id: string }> {
  const id = `dev/${++session}`;
  const client = await RawClient.open(fleet, identity);
  client.send(bytes(packet('10', field('MQTT'), '04 06 003c', field(id), ...WILL)));
  await heard(client, CONNECTED);
  return { client, id };
}

async function told(client: RawClient, ...packets: string[]): Promise<string> {
  client.send(bytes(...packets, PING));
  await eventually(() => client.closed || client.received.includes(bytes(PONG)));
  return client.received.subarray(4).toString('hex');
}

describe('a violation ends the connection, with no answer but the will [MQTT-4.8.0-1], [MQTT-3.1.2-8]:', () => {
  it.each(Object.entries(violations))('%s', async (_, violation) => {
    const wills = () => watcher.received.toString('latin1').split('lost').length;
    const before = wills();
    const { client } = await connected();
    expect(await told(client, violation)).toBe('');
    expect(client.closed).toBe(true);
    await eventually(() => wills() === before + 1);
  });
});

describe('what is no CONNECT that may be is refused, and nothing behind it is heard [MQTT-3.1.4-5]:', () => {
  it.each(Object.entries(refused))('%s', async (_, [connect, answer]) => {
    const client = await RawClient.open(fleet, identity);
    client.send(bytes(connect, packet('30', field('will'), text('early')), PING));
    await client.untilClosed();
    expect(client.received.toString('hex')).toBe(answer);
    expect(watcher.received.toString('latin1')).not.toContain('early');
  });
});

describe('answers:', () => {
  it.each(Object.entries(answers))('%s', async (_, [packets, expected]) => {
    const { client } = await connected();
    expect(await told(client, packets)).toBe(bytes(expected, PONG).toString('hex'));
    await client.end();
  });

  it('3.12.4-1: PINGRESP to each PINGREQ', async () => {
    const { client } = await connected();
    client.send(bytes(PING, PING, PING));
    await heard(client, `${PONG}${PONG}${PONG}`);
    await client.end();
  });
});

describe('what a subscriber hears:', () => {
  const subscribing = (filter: string, qos = '01') => packet('82', '0001', field(filter), qos);

  it('3.3.1-3, -9, 2.3.1-5: neither DUP nor RETAIN of the sender, and no id with QoS 0', async () => {
    const { client } = await connected();
    const sent =
      packet('3b', field('flags'), '0022', text('x')) + packet('3d', field('flags'), '0023', text('y'));
    client.send(bytes(subscribing('flags', '00'), sent));
    await heard(client, packet('30', field('flags'), text('x')));
    await heard(client, packet('30', field('flags'), text('y')));
    await told(client, packet('31', field('flags')));
    await client.end();
  });

  it('3.8.4-3, 3.3.1-6, -8: what is retained, anew with each SUBSCRIBE', async () => {
    const { client } = await connected();
    const retained = packet('31', field('kept'), text('x'));
    client.send(bytes(retained, subscribing('kept', '00'), subscribing('kept', '00')));
    await eventually(() => client.received.toString('hex').split(retained).length === 3);
    await client.end();
  });

  it('3.3.1-7, -10, -11: of what is retained the last alone, and nothing once it is removed', async () => {
    const { client } = await connected();
    const [first, second, empty] = ['1', '2', ''].map((payload) =>
      packet('31', field('last'), text(payload)),
    );
    client.send(bytes(`${first}${second}`, subscribing('last', '00')));
    await heard(client, `${second}`);
    expect(client.received.toString('hex')).not.toContain(first);
    await client.end();
    const { client: later } = await connected();
    expect(await told(later, `${empty}`, subscribing('last', '00'))).toBe(
      `9003000100${bytes(PONG).toString('hex')}`,
    );
    await later.end();
  });

  it('3.10.4-1: it goes on with a filter that is like another and not the same', async () => {
    const { client } = await connected();
    const unsubscribe = packet('a2', '0002', field('Same/x'), field('same/+'), field('same/x/'));
    const message = packet('30', field('same/x'), text('m'));
    expect(await told(client, subscribing('same/x', '00'), unsubscribe, message)).toContain(message);
    await client.end();
  });

  it.each([
    ['4.7.1-2: # its parent level too', 'p/#', 'p', true],
    ['4.7.1-3: + one level, empty too', 'p/+', 'p/', true],
    ['4.7.1-3: + no further level', 'p/+', 'p', false],
    ['§4.7.1.1: levels that are empty', '/+', '/p', true],
    ['4.7.3-4: letters by their case', 'P', 'p', false],
    ['1.5.3-3: U+FEFF like any other character', '\uFEFFp', '\uFEFFp', true],
    ['1.5.3-3: and does not leave it out', 'p', '\uFEFFp', false],
  ])('%s', async (_, filter, topic, isHeard) => {
    const { client } = await connected();
    const message = packet('30', field(topic), text('m'));
    expect((await told(client, subscribing(filter, '00'), message)).includes(message)).toBe(isHeard);
    await client.end();
  });
});

describe('a session', () => {
  const connecting = (id: string, flags: string) =>
    packet('10', field('MQTT'), `04 ${flags} 003c`, field(id));

  it('3.1.2-4, 3.2.2-1 to -3: is there again where it was kept, and gone where it was not', async () => {
    const said: string[] = [];
    for (const flags of ['00', '00', '02', '00', '02']) {
      const client = await RawClient.open(fleet, identity);
      client.send(bytes(connecting('dev/kept', flags)));
      await client.connack();
      said.push(client.received.toString('hex'));
      await told(client, packet('82', '0001', field('kept/#'), '01'));
      await client.end();
    }
    expect(said).toEqual(['20020000', '20020100', '20020000', '20020000', '20020000']);
  });

  it('3.1.2-10, 3.14.4-3: has no will any more once it has said DISCONNECT', async () => {
    const before = watcher.received.length;
    const { client } = await connected();
    await client.end();
    watcher.send(bytes(PING));
    await eventually(() => watcher.received.length > before);
    expect(watcher.received.subarray(before).toString('hex')).toBe(bytes(PONG).toString('hex'));
  });

  it('3.14.4-2: hears nothing behind DISCONNECT', async () => {
    const { client } = await connected();
    client.send(bytes('e000', packet('30', field('will'), text('too late')), PING));
    await client.untilClosed();
    expect(client.received.length).toBe(4);
    expect(watcher.received.toString('latin1')).not.toContain('too late');
  });

  it('4.4.0-1: gets again what it has not acknowledged, with DUP and its id, and PUBREL where it had said PUBREC', async () => {
    const id = 'dev/again';
    const first = await RawClient.open(fleet, identity);
    first.send(bytes(connecting(id, '00'), packet('82', '0001', field('again/#'), '02')));
    await heard(first, '9003000102');
    first.send(bytes(packet('32', field('again/1'), '0001'), packet('34', field('again/2'), '0002')));
    const one = (flags: string) => `${flags}0b${field('again/1')}`;
    await eventually(() => first.received.toString('hex').includes('3'.concat('4', '0b', field('again/2'))));
    const idOf = (topic: string) => {
      const at = first.received.indexOf(bytes(field(topic)));
      return first.received.subarray(at + 9, at + 11).toString('hex');
    };
    await eventually(() => first.received.includes(bytes(one('32'))));
    first.send(bytes(packet('50', idOf('again/2'))));
    await heard(first, packet('62', idOf('again/2')));
    first.socket.destroy();
    await first.untilClosed();
    const second = await RawClient.open(fleet, identity);
    second.send(bytes(connecting(id, '00')));
    await heard(second, packet('62', idOf('again/2')));
    expect(second.received.toString('hex')).toBe(
      ['20020100', packet('3a', field('again/1'), idOf('again/1')), packet('62', idOf('again/2'))].join(''),
    );
    await second.end();
  });
});
