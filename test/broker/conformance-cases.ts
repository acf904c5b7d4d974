/** Normative statements of MQTT 3.1.1 (OASIS, 29 October 2014) as what is sent and what is answered, in hexadecimal digits. */
import { field, PING, packet, WILL } from './packet-bytes.ts';

const SUBSCRIBE = ['0001', field('a'), '00'];
const UNSUBSCRIBE = ['0001', field('a')];

/** What ends a connection, by the statement that it violates. */
export const violations: Record<string, string> = {
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

/** What is sent in place of a CONNECT that may be, and what comes before the connection ends. */
export const refused: Record<string, readonly [connect: string, answer: string]> = {
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

/** What a connected client sends, and what it is answered. */
export const answers: Record<string, readonly [packets: string, answers: string]> = {
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
