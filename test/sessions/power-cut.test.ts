/**
 * A power cut: what was written and not synced is gone, and devices remember what they were sent. Unlike `kill -9`, after which
 * the system still has all that was written.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Packet, parser } from 'mqtt-packet';
import { DurableOutbox } from '../../broker/delivery/durable-outbox.ts';
import { Intake } from '../../broker/delivery/intake.ts';
import { Publication } from '../../broker/delivery/publication.ts';
import { Output } from '../../broker/front/output.ts';
import type { SessionDatabase } from '../../broker/persistence/session-database.ts';
import type { SessionRecord } from '../../broker/persistence/session-record.ts';
import { FileSync } from '../../broker/persistence/sqlite/file-sync.ts';
import { Line, openSessions, takePage } from '../broker/samples.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const WINDOW = { sentMessages: 8, sentBytes: 1e6 };
let boot = 0;
let file: string;
let database: SessionDatabase;
let session: SessionRecord;
let outbox: DurableOutbox;
let output: Output;
let line: Line;
/** Whether the disk takes its time: then nothing more is synced, until the power is cut. */
let isStuck: boolean;
const stuck: (() => void)[] = [];
/** Ids of messages of QoS 2 that the device has taken, and for which PUBREL has not come. */
let taken: Set<number>;
/** What the device has handed to its application. */
let received: string[];

beforeEach(async () => {
  [isStuck, taken, received] = [false, new Set(), []];
  const { sync } = FileSync.prototype;
  jest.spyOn(FileSync.prototype, 'sync').mockImplementation(async function (this: FileSync) {
    const [isLost, from] = [isStuck, dirname(file)];
    if (isLost) return new Promise((resolve) => stuck.push(resolve));
    await sync.call(this);
    keep(from);
  });
  start(join(folder, `${++boot}`, 'sessions.db'));
  await database.sessions.subscribe(session, [{ topic: '#', qos: 2 }]);
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const end of stuck.splice(0)) end(); // for the store to be closed
});

/** What the disk has for certain: nothing is written between a commit and the sync behind it. */
function keep(from: string): void {
  const kept = join(from, 'kept');
  mkdirSync(kept, { recursive: true });
  for (const name of ['sessions.db', 'sessions.db-wal']) copyFileSync(join(from, name), join(kept, name));
}

function start(at: string): void {
  file = at;
  database = openSessions({ file, durability: 'fsync' });
  session = database.sessions.open('reader');
}

/** The next start has what the disk had. The one before goes on beside it for nobody. */
function cutPower(): void {
  outbox.close();
  isStuck = false;
  start(join(dirname(file), 'kept', 'sessions.db'));
}

function connect(): void {
  line = new Line();
  output = new Output({ socket: line, drainTime: 60_000, onStalled: () => {} });
  const judge = () => 'deliver' as const;
  const intake = new Intake(database);
  outbox = new DurableOutbox({
    session,
    database,
    intake,
    output,
    window: WINDOW,
    judge,
    onOverflow: () => {},
  });
  outbox.start();
}

/** Resolves when it would be acknowledged. */
async function publish(payload: string, qos: 1 | 2): Promise<void> {
  const message = Publication.of({ topic: 't', payload: Buffer.from(payload), qos });
  await new Intake(database).take(message, [{ session, qos }], 'writer');
}

/** What is committed, though it may not be synced, has been sent by now. */
async function committed(): Promise<void> {
  await takePage(database, session, 1e9, { messages: 1, bytes: 1 });
}

/** The device reads what it was sent, as §4.3 has it. @returns the names of the packets */
function read(): string[] {
  output.flush();
  const packets: Packet[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => packets.push(packet));
  reading.parse(line.sent);
  line.sent = Buffer.alloc(0);
  for (const packet of packets) {
    const id = packet.messageId ?? 0;
    if (packet.cmd === 'pubrel') taken.delete(id);
    if (packet.cmd !== 'publish' || (packet.qos === 2 && taken.has(id))) continue;
    if (packet.qos === 2) taken.add(id);
    received.push(String(packet.payload));
  }
  return packets.map(({ cmd }) => cmd);
}

describe('after a power cut', () => {
  it('a message of QoS 2 is not taken for another one, which was sent before the disk had it', async () => {
    await database.flush();
    isStuck = true;
    void publish('lost with the power', 2);
    connect(); // reads the queue in the very transaction
    await committed();
    read();
    cutPower();
    connect();
    await publish('acknowledged', 2);
    await eventually(() => read().length > 0);
    expect(received).toEqual(['acknowledged']);
  });

  it('a message of QoS 2 does not come again after its PUBREL', async () => {
    await publish('once', 2);
    connect();
    await eventually(() => read().length > 0);
    const [messageId = 0] = taken;
    isStuck = true;
    void outbox.release(messageId);
    outbox.close();
    connect(); // in place of the connection that PUBREC came by
    await committed();
    read();
    cutPower();
    connect();
    await eventually(() => read().length > 0);
    expect(received).toEqual(['once']);
  });
});

it('what waits for the disk holds up what is behind it, and nothing before it', async () => {
  await publish('1', 1);
  isStuck = true;
  void publish('2', 1);
  void publish('3', 2);
  void publish('4', 1);
  connect();
  await committed();
  read();
  expect(received).toEqual(['1', '2']);
});

it('what waited for the disk is sent when that has it', async () => {
  const all = ['1', '2', '3', '4'];
  for (const [index, payload] of all.entries()) void publish(payload, index % 2 === 0 ? 1 : 2);
  connect();
  await eventually(() => {
    read();
    return received.length === all.length;
  });
  expect(received).toEqual(all);
});
