/** Normative statements of MQTT 3.1.1 about what a server accepts and answers, each by the bytes on a real connection. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
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

/** Hexadecimal digits, spaces aside. */
function bytes(...parts: string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
}

const text = (characters: string) => Buffer.from(characters).toString('hex');

function field(characters: string): string {
  return Buffer.byteLength(characters).toString(16).padStart(4, '0') + text(characters);
}

/** A packet of less than 128 bytes. */
function packet(first: string, ...parts: string[]): string {
  const body = bytes(...parts);
  return first + body.length.toString(16).padStart(2, '0') + body.toString('hex');
}

async function heard(client: RawClient, expected: string): Promise<void> {
  const wanted = bytes(expected);
  await eventually(() => client.received.includes(wanted) || client.closed);
  expect(client.received.toString('hex')).toContain(wanted.toString('hex'));
}

const CONNECTED = '20 02 00 00';
const PING = 'c000';
const PONG = 'd0 00';
const WILL = [field('will'), field('lost')];

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

const SUBSCRIBE = ['0001', field('a'), '00'];
const UNSUBSCRIBE = ['0001', field('a')];

const violations: Record<string, string> = {
  // Fixed header
  '2.2.2-2: PUBACK with flags': packet('41', '0001'),
  '2.2.2-2: PUBREC with flags': packet('52', '0001'),
  '3.6.1-1: PUBREL without its flags': packet('60', '0001'),
  '2.2.2-2: PUBCOMP with flags': packet('78', '0001'),
  '3.8.1-1: SUBSCRIBE without its flags': packet('80', ...SUBSCRIBE),
  '3.8.1-1: SUBSCRIBE with other flags': packet('8a', ...SUBSCRIBE),
  '3.10.1-1: UNSUBSCRIBE without its flags': packet('a0', ...UNSUBSCRIBE),
  '3.10.1-1: UNSUBSCRIBE with other flags': packet('a3', ...UNSUBSCRIBE),
  '2.2.2-2: PINGREQ with flags': 'c100',
  '3.14.1-1: DISCONNECT with flags': 'e100',
  '§2.2.1: packet type 0': '0000',
  '§2.2.1: packet type 15': 'f000',
  '§2.2.1: CONNACK to the server': '20020000',
  '§2.2.1: SUBACK to the server': '9003000100',
  '§2.2.1: UNSUBACK to the server': 'b0020001',
  '§2.2.1: PINGRESP to the server': 'd000',
  '§2.2.3: a length of five bytes': '3080808080 01',
  // Message ids
  '2.3.1-1: PUBLISH of QoS 1 with id 0': packet('32', field('a'), '0000'),
  '2.3.1-1: PUBLISH of QoS 2 with id 0': packet('34', field('a'), '0000'),
  '2.3.1-1: SUBSCRIBE with id 0': packet('82', '0000', field('a'), '00'),
  '2.3.1-1: UNSUBSCRIBE with id 0': packet('a2', '0000', field('a')),
  '2.3.1-1: PUBACK with id 0': packet('40', '0000'),
  '2.3.1-1: PUBREC with id 0': packet('50', '0000'),
  '2.3.1-1: PUBREL with id 0': packet('62', '0000'),
  '2.3.1-1: PUBCOMP with id 0': packet('70', '0000'),
  // CONNECT once
  '3.1.0-2: a second CONNECT': packet('10', field('MQTT'), '04 02 003c', field('dev')),
  // PUBLISH
  '3.3.1-2: PUBLISH with DUP and QoS 0': packet('38', field('a')),
  '3.3.1-4: PUBLISH with QoS 3': packet('36', field('a'), '0001'),
  '3.3.2-2: PUBLISH to a topic with +': packet('30', field('a/+')),
  '3.3.2-2: PUBLISH to a topic with #': packet('30', field('#')),
  '4.7.3-1: PUBLISH to an empty topic': packet('30', '0000 78'),
  '3.3.2-1: PUBLISH that ends within its topic': packet('30', '0005 61'),
  '2.3.1-1: PUBLISH that ends within its id': packet('32', field('a'), '00'),
  // SUBSCRIBE and UNSUBSCRIBE
  '3.8.3-3: SUBSCRIBE without a filter': packet('82', '0001'),
  '3-8.3-4: SUBSCRIBE with QoS 3': packet('82', '0001', field('a'), '03'),
  '3-8.3-4: SUBSCRIBE with reserved bits beside the QoS': packet('82', '0001', field('a'), '80'),
  '3-8.3-4: SUBSCRIBE with such bits behind a filter that is well': packet(
    ...['82', '0001', field('a'), '00', field('b'), '05'],
  ),
  '§3.8.3: SUBSCRIBE without a QoS': packet('82', '0001', field('a')),
  '4.7.1-2: SUBSCRIBE to a filter with # before its end': packet('82', '0001', field('a/#/c'), '00'),
  '4.7.1-3: SUBSCRIBE to a filter with + in a level': packet('82', '0001', field('a/b+'), '00'),
  '4.7.3-1: SUBSCRIBE to an empty filter': packet('82', '0001', '0000', '00'),
  '1.5.3-1: UNSUBSCRIBE from what is not UTF-8': packet('a2', '0001', '0002 c080'),
  '3.10.3-2: UNSUBSCRIBE without a filter': packet('a2', '0001'),
  '§3.10.3: UNSUBSCRIBE that ends within a filter': packet('a2', '0001', '0009 61'),
  // Lengths
  '§3.12: PINGREQ with a body': 'c00100',
  '§3.14: DISCONNECT with a body': 'e00100',
  '§3.4: PUBACK of three bytes': packet('40', '000100'),
};

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

const refused: Record<string, readonly [connect: string, answer: string]> = {
  '3.1.0-1: PINGREQ before CONNECT': [PING, ''],
  '3.1.0-1: PUBLISH before CONNECT': [packet('30', field('a')), ''],
  '2.2.2-2: CONNECT with flags': [packet('11', field('MQTT'), '04 02 003c', field('dev')), ''],
  '3.1.2-1: another protocol': [packet('10', field('HTTP'), '04 02 003c', field('dev')), ''],
  '3.1.2-2: a protocol level that there is not': [
    packet('10', field('MQTT'), '63 02 003c', field('dev')),
    '20020001',
  ],
  '3.1.2-3: the reserved flag': [packet('10', field('MQTT'), '04 03 003c', field('dev')), ''],
  '3.1.2-13: QoS of a will that there is not': [packet('10', field('MQTT'), '04 0a 003c', field('dev')), ''],
  '3.1.2-14: a will of QoS 3': [packet('10', field('MQTT'), '04 1e 003c', field('dev'), ...WILL), ''],
  '3.1.2-15: RETAIN of a will that there is not': [
    packet('10', field('MQTT'), '04 22 003c', field('dev')),
    '',
  ],
  '3.1.2-9: a will without its message': [
    packet('10', field('MQTT'), '04 06 003c', field('dev'), field('will')),
    '',
  ],
  '3.1.2-22: a password without a user name': [
    packet('10', field('MQTT'), '04 42 003c', field('dev'), field('secret')),
    '',
  ],
  '3.1.2-18: a user name that is not announced': [
    packet('10', field('MQTT'), '04 02 003c', field('dev'), field('user')),
    '',
  ],
  '3.1.3-3: no client id': [packet('10', field('MQTT'), '04 02 003c'), ''],
  '3.1.3-8: an empty client id that is to be remembered': [
    packet('10', field('MQTT'), '04 00 003c', '0000'),
    '20020002',
  ],
};

describe('what is no CONNECT that may be is refused, and nothing behind it is heard [MQTT-3.1.4-5]:', () => {
  it.each(Object.entries(refused))('%s', async (_, [connect, answer]) => {
    const client = await RawClient.open(fleet, identity);
    client.send(bytes(connect, packet('30', field('will'), text('early')), PING));
    await client.untilClosed();
    expect(client.received.toString('hex')).toBe(answer);
    expect(watcher.received.toString('latin1')).not.toContain('early');
  });
});

const answers: Record<string, readonly [packets: string, answers: string]> = {
  '2.3.1-6: PUBACK with the id of the PUBLISH': [packet('32', field('t'), 'ffff'), '4002ffff'],
  '3.3.4-1: nothing to PUBLISH of QoS 0': [packet('30', field('t')), ''],
  '3.3.4-1: PUBREC, and PUBCOMP to PUBREL, with QoS 2': [
    packet('34', field('t'), 'fffe') + packet('62', 'fffe'),
    '5002fffe 7002fffe',
  ],
  '4.3.3-2: PUBREC once more to a repetition': [
    packet('34', field('t'), '0007') + packet('3c', field('t'), '0007') + packet('62', '0007'),
    '50020007 50020007 70020007',
  ],
  '4.3.3-2: PUBCOMP to a PUBREL of what is not known any more': [packet('62', '0123'), '70020123'],
  '4.6.0-2: PUBACKs in the order of the messages': [
    packet('32', field('t'), '0009') + packet('32', field('t'), '0003') + packet('32', field('t'), '0006'),
    '40020009 40020003 40020006',
  ],
  '§3.3.3: PUBACK to an empty message': [packet('32', field('t'), '0001'), '40020001'],
  '3.8.4-1, -2, 3.9.3-1: SUBACK with the id, a code for each filter in order': [
    packet('82', 'abcd', field('a'), '02', field('b/#'), '00', field('+/c'), '01'),
    '9005abcd 020001',
  ],
  '3.8.4-5, 3.9.3-2: one SUBACK, whichever of its filters are denied': [
    packet('82', '0004', field('$SYS/#'), '01', field('b'), '01', field('$share/g/t'), '01'),
    '90050004 800180',
  ],
  '3.9.3-2: 0x80 for a filter with # in a level': [packet('82', '0004', field('a#'), '01'), '9003000480'],
  '3.8.4-5: a code for each filter, though they repeat': [
    packet(
      '82',
      '0005',
      ...[field('r'), '00'],
      ...[field('s'), '01'],
      ...[field('r'), '02'],
      ...[field('$SYS/x'), '00'],
    ),
    '90060005 00010280',
  ],
  '3.8.4-5: the same for more of them than one byte of length can say': [
    `82ee05 0006 ${`${field('r')}01`.repeat(187)}`,
    `90bd01 0006 ${'01'.repeat(187)}`,
  ],
  '3.8.4-3: SUBACK to a repetition': [
    packet('82', '0001', field('a'), '01') + packet('82', '0002', field('a'), '00'),
    '9003000101 9003000200',
  ],
  '3.10.4-4, -5: UNSUBACK, also for what was not subscribed to': [
    packet('a2', '00ff', field('never'), field('nor/#')),
    'b00200ff',
  ],
  'an acknowledgement of what was not sent changes nothing': [
    packet('40', '0001') + packet('70', '0002'),
    '',
  ],
  '4.3.3-1: PUBREL to a PUBREC, whatever it is for': [packet('50', '0003'), '62020003'],
};

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
