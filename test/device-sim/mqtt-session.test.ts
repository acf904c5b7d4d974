/** One session with a broker: how it comes about, how it is refused, and what becomes of it when it is lost. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { parseDeviceId } from '../../core/ids.ts';
import { openSession, type Session, type SessionOptions } from '../../device-sim/contract/mqtt-session.ts';
import { enrollIdentity } from '../../device-sim/identity/enroll-identity.ts';
import type { Identity } from '../../device-sim/identity/identity.ts';
import { memoryStorage } from '../../device-sim/identity/identity-storage.ts';
import { eventually } from '../support/eventually.ts';
import { type Authority, createAuthority } from './support/authority.ts';
import { type ScriptedBroker, startScriptedBroker } from './support/scripted-broker.ts';

let authority: Authority;
let broker: ScriptedBroker;
let identity: Identity;

const deviceOf = ({ enroll }: Authority) =>
  enrollIdentity({
    storage: memoryStorage(),
    requestedId: parseDeviceId('press-7'),
    keyType: 'ec-p256',
    enroll,
  });

beforeAll(async () => {
  authority = await createAuthority();
  broker = await startScriptedBroker(authority);
  identity = await deviceOf(authority);
});

afterAll(() => broker.close());

beforeEach(() => {
  broker.connections.length = 0;
  broker.onConnect = () => 0;
  broker.isKnown = () => false;
  broker.onConnack = () => [];
  broker.onSubscribe = () => 1;
  broker.onPublish = () => true;
});

const open = (changes: Partial<SessionOptions> = {}): Promise<Session> =>
  openSession({
    url: broker.url,
    ca: authority.ca,
    credentials: identity,
    clientId: identity.deviceId,
    ...changes,
  });

const live = () => broker.connections.at(-1);

describe('a session', () => {
  it('shows the certificate, asks for a clean session, and carries the will', async () => {
    const session = await open({ will: { topic: 't', payload: 'gone', retain: true } });
    expect(live()?.commonName).toBe('press-7');
    expect(live()?.connect).toMatchObject({
      clientId: 'press-7',
      clean: true,
      protocolVersion: 4,
      will: { topic: 't', retain: true, qos: 1 },
    });
    await session.end();
  });

  it('says DISCONNECT when it ends, so that no will is published', async () => {
    const session = await open();
    await session.end();
    expect(live()?.packets.at(-1)?.cmd).toBe('disconnect');
  });

  it('can be ended twice', async () => {
    const session = await open();
    await session.end();
    await session.end();
  });

  it('hands over what arrives', async () => {
    const session = await open();
    const received: string[] = [];
    session.onMessage((topic, payload) => received.push(`${topic} ${payload}`));
    live()?.send({
      cmd: 'publish',
      topic: 'a/b',
      payload: 'hello',
      qos: 1,
      messageId: 9,
      dup: false,
      retain: false,
    });
    await eventually(() => received.length > 0);
    expect(received).toEqual(['a/b hello']);
    await eventually(() => live()?.packets.some(({ cmd }) => cmd === 'puback') ?? false);
    await session.end();
  });

  it('resumes an earlier TLS session when it has its ticket', async () => {
    const first = await open({ tls: { version: 'TLSv1.2' } });
    expect(first.tls.resumed).toBe(false);
    const ticket = first.tls.ticket();
    await first.end();
    if (ticket === undefined) throw new Error('there is no ticket');
    const second = await open({ tls: { version: 'TLSv1.2', session: ticket } });
    expect(second.tls.resumed).toBe(true);
    await second.end();
  });
});

describe('a session that the broker keeps', () => {
  const command = (messageId: number): Packet => ({
    ...{ cmd: 'publish', topic: 'commands', payload: `command ${messageId}`, messageId },
    ...{ qos: 1, dup: false, retain: false },
  });
  const acknowledged = () =>
    live()?.packets.flatMap((packet) => (packet.cmd === 'puback' ? [packet.messageId] : []));

  it.each([true, false])('says whether the broker still had it: %s', async (isKnown) => {
    broker.isKnown = () => isKnown;
    const session = await open({ persistent: true });
    expect(live()?.connect.clean).toBe(false);
    expect(session.isResumed).toBe(isKnown);
    await session.end();
  });

  it('hands over what comes with CONNACK, in its order, to a handler that comes later', async () => {
    broker.onConnack = () => [command(1), command(2), command(3)];
    const session = await open({ persistent: true });
    await new Promise((resolve) => setImmediate(resolve));
    expect(acknowledged()).toEqual([]);
    const received: string[] = [];
    session.onMessage((_topic, payload) => received.push(payload.toString('utf8')));
    await eventually(() => acknowledged()?.length === 3);
    expect(received).toEqual(['command 1', 'command 2', 'command 3']);
    await session.end();
  });

  it('leaves with the broker what comes while it is being ended', async () => {
    broker.onPublish = () => false;
    const session = await open({ persistent: true });
    const received: string[] = [];
    session.onMessage((_topic, payload) => received.push(payload.toString('utf8')));
    const publishing = session.publish('a', 'b');
    await eventually(() => live()?.packets.at(-1)?.cmd === 'publish');
    const ending = session.end();
    const sent = live()?.packets.at(-1);
    live()?.send(command(1));
    live()?.send({ cmd: 'puback', messageId: sent?.messageId ?? 0 });
    await publishing;
    await ending;
    expect(live()?.packets.at(-1)?.cmd).toBe('disconnect');
    expect([received, acknowledged()]).toEqual([[], []]);
  });

  it('that nobody listens to ends all the same', async () => {
    broker.onConnack = () => [command(1)];
    const session = await open({ persistent: true });
    await session.end();
    expect(acknowledged()).toEqual([]);
  });
});

describe('a refusal', () => {
  it.each([
    [1, 'mqtt_protocol_version', 'never'],
    [2, 'mqtt_identifier_rejected', 'never'],
    [3, 'mqtt_unavailable', 'soon'],
    [4, 'mqtt_bad_credentials', 'never'],
    [5, 'mqtt_not_authorized', 'later'],
  ])('by CONNACK %d is %s, worth another attempt: %s', async (returnCode, code, retry) => {
    broker.onConnect = () => returnCode;
    await expect(open()).rejects.toMatchObject({ code, retry });
  });

  it('without a word may be another matter next time', async () => {
    broker.onConnect = () => undefined;
    await expect(open()).rejects.toMatchObject({ code: 'connection_lost', retry: 'soon' });
  });

  it('by TLS, for want of a certificate, is final', async () => {
    await expect(
      openSession({ url: broker.url, ca: authority.ca, clientId: 'press-7' }),
    ).rejects.toMatchObject({
      code: 'tls_refused',
      retry: 'never',
    });
  });

  it('by TLS, for a foreign certificate, never becomes a session', async () => {
    const credentials = await deviceOf(await createAuthority());
    await expect(open({ credentials })).rejects.toMatchObject({ name: 'Failure' });
    expect(broker.connections).toHaveLength(0);
  });

  it('of a subscription is told from the loss of the connection', async () => {
    broker.onSubscribe = (filter) => (filter === '#' ? 128 : 1);
    const session = await open();
    await expect(session.subscribe('#')).rejects.toMatchObject({
      code: 'subscribe_refused',
      retry: 'never',
    });
    await session.subscribe('devices/press-7/commands/#');
    await session.end();
  });
});

describe('a broker', () => {
  it('whose certificate leads to another root is not trusted', async () => {
    const { ca } = await createAuthority();
    await expect(open({ ca })).rejects.toMatchObject({ code: 'server_untrusted', retry: 'never' });
    expect(broker.connections).toHaveLength(0);
  });

  it('that is not there may be there later', async () => {
    await expect(open({ url: 'mqtts://localhost:1' })).rejects.toMatchObject({
      code: 'server_unreachable',
      retry: 'soon',
    });
  });
});

describe('when the connection is lost', () => {
  it('says so once, and fails what was not acknowledged', async () => {
    broker.onPublish = () => false;
    const session = await open();
    const publishing = session.publish('a', 'b');
    await eventually(() => live()?.packets.some(({ cmd }) => cmd === 'publish') ?? false);
    live()?.socket.destroy();
    await expect(publishing).rejects.toMatchObject({ code: 'connection_lost', retry: 'soon' });
    await session.closed;
  });

  it('fails what is tried afterwards instead of keeping it for never', async () => {
    const session = await open();
    live()?.socket.destroy();
    await session.closed;
    // Until mqtt.js has wound up, and would take messages for a connection to come.
    await new Promise((resolve) => setImmediate(resolve));
    await expect(session.publish('a', 'b')).rejects.toMatchObject({ code: 'connection_lost' });
    await expect(session.subscribe('a')).rejects.toMatchObject({ code: 'connection_lost' });
  });

  it('does not connect again by itself', async () => {
    const session = await open();
    live()?.socket.destroy();
    await session.closed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(broker.connections).toHaveLength(1);
  });
});

describe('when ended with something unacknowledged', () => {
  it('waits for it no longer than its deadline, and then fails it', async () => {
    broker.onPublish = () => false;
    const session = await open();
    const publishing = session.publish('a', 'b');
    const outcome = expect(publishing).rejects.toMatchObject({ code: 'connection_lost' });
    await session.end();
    await outcome;
  });
});

describe('when stopped while connecting', () => {
  it('gives the attempt up', async () => {
    const stop = new AbortController();
    broker.onConnect = () => {
      stop.abort();
      return 0;
    };
    await expect(open({ signal: stop.signal })).rejects.toMatchObject({ code: 'connection_lost' });
  });
});
