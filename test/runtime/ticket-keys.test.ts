/** Which tickets a server opens, by a clock that is set, through rotations and restarts. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import { TicketKeys } from '../../runtime/ticket-keys.ts';
import { issueServer } from '../broker/authority.ts';
import { createAuthority } from '../pki/test-authority.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

let now: number;
let file: string;
let log: { readonly msg: string }[];
let server: Server;
let keys: TicketKeys;
const clock = { now: () => now };
const folder = temporaryFolder();
const certificate = join(folder, 'server.pem');

beforeEach(async () => {
  now = Date.now();
  log = [];
  file = join(folder, randomUUID(), 'ticket-keys.json');
  const { issuing } = await createAuthority({ now });
  const { key, chain } = await issueServer(issuing, 'gatehouse broker');
  writeFileSync(certificate, key + chain);
  await start();
});
afterEach(() => void server.close());

async function start(): Promise<void> {
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(JSON.parse(line)) });
  keys = await TicketKeys.open({ file, clock, log: logger });
  const source = new SecureContextSource({ file: certificate, ticketKeys: keys, log: logger });
  server = createServer(await source.read(), (socket) => socket.on('error', () => {}).end('.'));
  source.watch(server)();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

async function restart(): Promise<void> {
  server.close();
  await start();
}

interface Visit {
  readonly resumed: boolean;
  readonly ticket: Buffer;
}

async function visit(maxVersion: 'TLSv1.2' | 'TLSv1.3', session?: Buffer): Promise<Visit> {
  const { port } = server.address() as AddressInfo;
  const to = { port, host: '127.0.0.1', maxVersion, rejectUnauthorized: false } as const;
  const socket = connect({ ...to, ...(session && { session }) }).resume();
  let ticket = session;
  socket.on('session', (latest: Buffer) => {
    ticket = latest;
  });
  await once(socket, 'secureConnect');
  const resumed = socket.isSessionReused();
  // Of a ticket that is replaced in TLS 1.2, no event tells.
  if (maxVersion === 'TLSv1.2') ticket = socket.getSession();
  await once(socket, 'close');
  return { resumed, ticket: await eventually(() => ticket) };
}

function keyCount(): number {
  return JSON.parse(readFileSync(file, 'utf8')).keys.length;
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a ticket of %s', (version) => {
  it('is good under the keys of another process', async () => {
    const { ticket } = await visit(version);
    await restart();
    expect((await visit(version, ticket)).resumed).toBe(true);
  });

  it('outlives the rotation of its key, and is replaced by one under the new key', async () => {
    const first = await visit(version);
    now += 1.5 * DAY;
    await keys.rotate();
    expect(keyCount()).toBe(2);
    const second = await visit(version, first.ticket);
    expect(second.resumed).toBe(true);
    now += 7 * DAY;
    await keys.rotate();
    // Its own session may be resumed for a while yet, by OpenSSL's clock; its key is there no more.
    expect((await visit(version, first.ticket)).resumed).toBe(false);
    expect((await visit(version, second.ticket)).resumed).toBe(true);
  });

  it('is not opened with a key that has had its time, rotated or not', async () => {
    const { ticket } = await visit(version);
    now += 8 * DAY;
    expect((await visit(version, ticket)).resumed).toBe(false);
  });

  it('of another server is worth nothing, and costs no more than a handshake', async () => {
    const { ticket } = await visit(version);
    writeFileSync(file, '{"keys":[]}');
    await restart();
    expect((await visit(version, ticket)).resumed).toBe(false);
  });
});

describe('the file', () => {
  it('is its owner’s alone, and holds no key longer than its tickets may be good', async () => {
    for (let day = 0; day < 30; day++) {
      now += DAY;
      await keys.rotate();
    }
    expect(keyCount()).toBe(8);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('stays as it is between rotations, and over a restart', async () => {
    const before = readFileSync(file, 'utf8');
    now += DAY - 1;
    await keys.rotate();
    await restart();
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it.each([
    ['no JSON', 'garbage'],
    ['a key that is too short', '{"keys":[{"createdAt":1,"key":"AAAA"}]}'],
    ['what is not known', '{"keys":[],"more":1}'],
  ])('with %s is made anew, with a word in the log', async (_, content) => {
    writeFileSync(file, content);
    await restart();
    expect(log.some(({ msg }) => msg.includes('made anew'))).toBe(true);
    expect(keyCount()).toBe(1);
    expect((await visit('TLSv1.3')).resumed).toBe(false);
  });

  it('that cannot be written keeps nobody out', async () => {
    file = join(certificate, 'ticket-keys.json');
    await restart();
    expect(log.some(({ msg }) => msg.includes('could not be kept'))).toBe(true);
    const { ticket } = await visit('TLSv1.3');
    expect((await visit('TLSv1.3', ticket)).resumed).toBe(true);
  });

  it('with keys of the future has them replaced: how old they are cannot be told', async () => {
    const { ticket } = await visit('TLSv1.3');
    now -= HOUR;
    await restart();
    expect((await visit('TLSv1.3', ticket)).resumed).toBe(false);
    expect(keyCount()).toBe(1);
  });
});
