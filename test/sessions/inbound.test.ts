/** What one session sends of messages: taken once each, answered in order, and not before it is safe. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { generate, type Packet, parser } from 'mqtt-packet';
import { CleanOutbox } from '../../broker/delivery/clean-outbox.ts';
import { Inbound } from '../../broker/delivery/inbound.ts';
import { Intake } from '../../broker/delivery/intake.ts';
import { Router } from '../../broker/delivery/router.ts';
import { Output } from '../../broker/front/output.ts';
import { defaultLimits } from '../../broker/limits.ts';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import type { SessionRecord } from '../../broker/persistence/session-record.ts';
import { GatehouseError } from '../../core/errors.ts';
import { connectionOf, Line, openSessions } from '../broker/samples.ts';
import { eventually } from '../support/eventually.ts';

let database: SessionDatabase;
let reader: SessionRecord;
let line: Line;
let output: Output;
let denied: unknown[];
let refusal: GatehouseError | null;
let holds: number;
let unasked: number;
beforeEach(async () => {
  database = openSessions({ durability: 'fsync', limits: { ...defaultLimits, halfReceived: 4 } });
  reader = database.sessions.open('reader');
  await database.sessions.subscribe(reader, [{ topic: 'kept', qos: 2 }]);
  denied = [];
  refusal = null;
  holds = 0;
  unasked = 0;
});

function session({ clean }: { readonly clean: boolean }): Inbound {
  line = new Line();
  output = new Output({ socket: line, drainTime: 1_000, onStalled: () => {} });
  if (!clean) database.sessions.open('dev1');
  const intake = new Intake(database);
  const sender = { hold: () => void holds++, release: () => void holds-- };
  return new Inbound({
    ...{ connection: connectionOf('dev1'), clientId: 'dev1', clean, database, output, sender },
    router: new Router({ index: database.sessions.index, intake }),
    authorizer: { refusalOf: () => refusal },
    outbox: outboxOf(output),
    onUnasked: () => void unasked++,
    onDenied: (error) => denied.push(error),
  });
}

function outboxOf(to: Output): CleanOutbox {
  const most = { messages: 100, bytes: 1e6 };
  const bounds = { window: defaultLimits, most, drainTime: 1_000, onOverflow: () => {} };
  return new CleanOutbox({ output: to, judge: () => 'deliver', ...bounds });
}

function say(inbound: Inbound, packet: Packet): boolean {
  const bytes = generate(packet);
  return inbound.take(bytes, 0, 2, bytes.length);
}

function publish(inbound: Inbound, topic: string, qos: 0 | 1 | 2, messageId = 1, dup = false): boolean {
  return say(inbound, { cmd: 'publish', topic, payload: `${messageId}`, qos, messageId, dup, retain: false });
}

function answers(from = line): string[] {
  output.flush();
  const found: string[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', ({ cmd, messageId }) => found.push(`${cmd} ${messageId}`));
  reading.parse(from.sent);
  return found;
}

async function queueOf(record: SessionRecord): Promise<string[]> {
  const page = await database.change((queue) => queue.page(record, 0, { messages: 100, bytes: 1e9 }));
  return page.entries.map(({ payload }) => String(payload));
}

describe('acknowledgements', () => {
  it('go at once where nothing has to be kept', () => {
    const inbound = session({ clean: true });
    publish(inbound, 'free', 1, 7);
    publish(inbound, 'free', 2, 8);
    publish(inbound, 'free', 0);
    expect(answers()).toEqual(['puback 7', 'pubrec 8']);
  });

  it('keep the order of the messages though one of them waits for the disk [MQTT-4.6.0-2]', async () => {
    const inbound = session({ clean: true });
    publish(inbound, 'free', 1, 1);
    publish(inbound, 'kept', 1, 2);
    publish(inbound, 'free', 1, 3);
    publish(inbound, 'free', 2, 4);
    expect(answers()).toEqual(['puback 1']);
    expect(reader.messages).toBe(0);
    await eventually(() => answers().length > 1);
    expect(answers()).toEqual(['puback 1', 'puback 2', 'puback 3', 'pubrec 4']);
    expect(await queueOf(reader)).toEqual(['2']);
  });

  it('never come where the store fails', async () => {
    const inbound = session({ clean: true });
    const broken = database.change(() => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' });
    });
    publish(inbound, 'kept', 1, 2);
    publish(inbound, 'kept', 2, 3);
    await expect(broken).rejects.toThrow();
    publish(inbound, 'kept', 1, 4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers()).toEqual([]);
  });

  it('that wait hold up who sends ever more, until the disk has it', async () => {
    const inbound = session({ clean: true });
    for (let id = 1; id <= 1_001; id++) publish(inbound, 'kept', 1, id);
    expect(holds).toBe(1);
    await eventually(() => answers().length === 1_001);
    expect(holds).toBe(0);
  });
});

describe('messages for thousands', () => {
  beforeEach(() => {
    database = openSessions();
  });

  it.each([1, 2] as const)('of QoS %i hold up who sends them long before they are many', async (qos) => {
    const crowd = Array.from({ length: 3_000 }, (_, index) => database.sessions.open(`crowd-${index}`));
    await Promise.all(crowd.map((one) => database.sessions.subscribe(one, [{ topic: 'all', qos: 2 }])));
    const inbound = session({ clean: true });
    let sent = 0;
    while (holds === 0 && sent < 200) publish(inbound, 'all', qos, ++sent);
    expect(sent).toBe(41);
    await eventually(() => holds === 0);
    expect(answers().length).toBeLessThanOrEqual(sent);
    await eventually(() => answers().length === sent);
  });
});

describe.each([
  ['a clean session', true],
  ['a durable session', false],
])('a message of QoS 2 of %s', (_, clean) => {
  it('is handed on once, however often it comes, until it is released', async () => {
    const inbound = session({ clean });
    const line2 = new Line();
    const live = outboxOf(new Output({ socket: line2, drainTime: 1_000, onStalled: () => {} }));
    database.sessions.index.add(live, { topic: 'kept', qos: 2 });
    for (const dup of [false, true, true]) publish(inbound, 'kept', 2, 5, dup);
    await eventually(() => answers().length === 3);
    expect(answers()).toEqual(['pubrec 5', 'pubrec 5', 'pubrec 5']);
    expect(await queueOf(reader)).toEqual(['5']);
    expect(answers(line2)).toHaveLength(1);
    for (let count = 0; count < 2; count++) say(inbound, { cmd: 'pubrel', messageId: 5 });
    await eventually(() => answers().length === 5);
    expect(answers().slice(3)).toEqual(['pubcomp 5', 'pubcomp 5']);
    publish(inbound, 'kept', 2, 5);
    await eventually(() => answers().length === 6);
    expect(await queueOf(reader)).toEqual(['5', '5']);
  });

  it('that is never released ends it by a rule', () => {
    const inbound = session({ clean });
    for (let id = 1; id <= 4; id++) publish(inbound, 'free', 2, id);
    expect(() => publish(inbound, 'free', 2, 5)).toThrow(expect.objectContaining({ code: 'inflight_limit' }));
    publish(inbound, 'free', 2, 4, true); // known: nothing more
  });
});

describe('a message of QoS 2 of a durable session', () => {
  it('is known on the next connection, also before the disk has it', async () => {
    const first = session({ clean: false });
    publish(first, 'kept', 2, 5);
    const second = session({ clean: false });
    publish(second, 'kept', 2, 5, true);
    expect(answers()).toEqual([]);
    await eventually(() => answers().length === 1);
    expect(await queueOf(reader)).toEqual(['5']);
  });
});

describe('a message that the policy denies', () => {
  it('is handed to nobody, not answered, and the last that is taken', async () => {
    const inbound = session({ clean: true });
    refusal = new GatehouseError('publish_denied');
    for (const qos of [0, 1, 2] as const) expect(publish(inbound, 'kept', qos, 3)).toBe(false);
    await database.flush();
    expect([answers(), denied.length, await queueOf(reader)]).toEqual([[], 3, []]);
    expect(database.halfReceived('dev1', 3)).toBeUndefined();
  });
});

describe('PUBREC', () => {
  it('is answered with PUBREL, known or not', () => {
    const inbound = session({ clean: true });
    say(inbound, { cmd: 'pubrec', messageId: 9 });
    expect(answers()).toEqual(['pubrel 9']);
    expect(unasked).toBe(1);
  });
});
