/** Connections by the hundred, finished or never, while devices that are connected go on as before. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import type { BrokerLimits } from '../../broker/limits.ts';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import { Fleet } from './fleet.ts';
import { attempt, connectPacket, RawClient, type RawOptions } from './raw-client.ts';

/** Of one address; each of its connections that stays half open takes one. */
const PLACES = 30;
const GARBAGE = Buffer.from('GET / HTTP/1.1\r\n\r\n');
/** How long such a place is kept; longer where this machine does not get done within that what is asked meanwhile. */
const PLACE_TIMES = [2_000, 8_000, 32_000];
const ELSEWHERE = { localAddress: '127.0.0.2' };

let fleet: Fleet;
let flood: Socket[] = [];
let clientHello: Buffer;
beforeAll(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connectTls((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const [socket] = (await accepted) as [Socket];
  [clientHello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
});
afterEach(end);

async function end(): Promise<void> {
  for (const socket of flood) socket.destroy();
  flood = [];
  await fleet.close();
}

async function start(limits: Partial<BrokerLimits> = {}, placeTime = 2_000): Promise<void> {
  const patience = { handshakeTime: placeTime, admissionTime: placeTime };
  fleet = await Fleet.create({ limits: { unprovenPerAddress: PLACES, ...patience, ...limits } });
}

/** @param act starts a broker and resolves with false where a place was lost before all was asked */
async function withTimeEnough(act: (placeTime: number) => Promise<boolean>): Promise<void> {
  for (const [index, placeTime] of PLACE_TIMES.entries()) {
    if (index > 0) await end();
    if (await act(placeTime)) return;
  }
  throw new Error('places are lost at once, however long they may be kept');
}

/** A connection that says `bytes` and no more. Resolves when it is connected, or has been refused. */
async function halfOpen(bytes: Buffer | null, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: fleet.port, host: '127.0.0.1', localAddress });
  flood.push(socket);
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (bytes !== null) socket.write(bytes);
  return socket;
}

/** Publishes one message after the other, and counts those that were acknowledged. */
class Publishing {
  acknowledged = 0;
  #isOver = false;
  readonly #done: Promise<void>;

  readonly client: MqttClient;

  constructor(client: MqttClient, id: string) {
    this.client = client;
    this.#done = this.#run(`devices/${id}/telemetry`);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #run(topic: string): Promise<void> {
    while (!this.#isOver) {
      await this.client.publishAsync(topic, 'x', { qos: 1 });
      this.acknowledged++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/**
 * Devices that are connected publish while `act` does what it does, and are heard in the midst of it, each again and again:
 * at `pulse`, which `act` awaits while something has not happened yet, and then looks whether it still has not.
 */
async function whileDevicesPublish(act: (pulse: () => Promise<void>) => Promise<void>): Promise<void> {
  const publishing: Publishing[] = [];
  for (const id of ['steady-1', 'steady-2', 'steady-3']) {
    publishing.push(new Publishing(await fleet.connect(await fleet.enroll(id)), id));
  }
  const pulse = async () => {
    const before = publishing.map(({ acknowledged }) => acknowledged);
    await eventually(() =>
      publishing.every(({ acknowledged }, index) => acknowledged > (before[index] ?? 0) + 5),
    );
  };
  try {
    await pulse();
    await act(pulse);
    await pulse();
  } finally {
    for (const one of publishing) await one.stop();
  }
  expect(publishing.every(({ client }) => client.connected)).toBe(true);
}

/** An attempt to connect that is under way, and whether it is over. */
class Attempt {
  isOver = false;
  readonly answer: Promise<number | 'closed'>;

  constructor(identity: Identity, options?: RawOptions) {
    this.answer = attempt(fleet, identity, identity.id, options).finally(() => {
      this.isOver = true;
    });
  }
}

/** Sends `bytes` to each, one at a time, until all are closed. */
function drip(sockets: readonly Socket[], bytes: Buffer, placeTime: number): void {
  let sent = 0;
  const dripping = setInterval(() => {
    for (const socket of sockets) socket.write(bytes.subarray(sent, sent + 1));
    sent++;
    if (sockets.every(({ closed }) => closed)) clearInterval(dripping);
  }, placeTime / 20);
}

describe('half-open connections', () => {
  it('delay newcomers of their address alone, and lose their places', () =>
    withTimeEnough(async (placeTime) => {
      await start({}, placeTime);
      const newcomer = await fleet.enroll('newcomer');
      const open = (localAddress: string, bytes: Buffer | null) =>
        Promise.all(Array.from({ length: PLACES }, () => halfOpen(bytes, localAddress)));
      let isInTime = false;
      await whileDevicesPublish(async (pulse) => {
        await open('127.0.1.1', null);
        await open('127.0.1.2', clientHello);
        await open('127.0.1.3', clientHello.subarray(0, 20)); // within a record
        drip(await open('127.0.1.4', null), clientHello, placeTime);
        const coming = [1, 2, 3, 4].map((host) => new Attempt(newcomer, { localAddress: `127.0.1.${host}` }));
        expect(await attempt(fleet, newcomer, newcomer.id, ELSEWHERE)).toBe(0);
        await pulse();
        // All of that while nobody has lost a place yet.
        const over = coming.map(({ isOver }) => isOver);
        isInTime = flood.every(({ closed }) => !closed);
        if (isInTime) expect(over).toEqual([false, false, false, false]);
        expect(await Promise.all(coming.map(({ answer }) => answer))).toEqual([0, 0, 0, 0]);
      });
      await eventually(async () => (await fleet.refusals('tls_handshake_failed')) >= 4 * PLACES);
      // As many lines as can be read, not one for each.
      expect(fleet.log.filter(({ msg }) => msg === 'connection refused').length).toBeLessThan(PLACES);
      return isInTime;
    }));

  it('that send CONNECT a byte at a time end in the time that it has, and count as arriving', () =>
    withTimeEnough(async (placeTime) => {
      await start({ sessionsPerDevice: 8 }, placeTime);
      const slow = await fleet.enroll('slow');
      const connectBytes = generate(connectPacket('slow', { username: 'x'.repeat(1_000) }));
      let isInTime = false;
      await whileDevicesPublish(async (pulse) => {
        const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.open(fleet, slow)));
        flood.push(...clients.map(({ socket }) => socket));
        drip(flood, connectBytes, placeTime);
        const answer = await attempt(fleet, slow, 'slow');
        await pulse();
        isInTime = clients.every(({ closed }) => !closed);
        if (isInTime) expect(answer).toBe('closed');
        for (const client of clients) await client.untilClosed();
        expect(await fleet.refusals('connect_timeout')).toBe(8);
        expect(await attempt(fleet, slow, 'slow')).toBe(0);
      });
      return isInTime;
    }));
});

describe('connections that come to nothing, one after the other', () => {
  it('use up what their address may, which then waits, and those that prove to be devices do not', async () => {
    await start({ failuresPerSecondPerAddress: 1 });
    const newcomer = await fleet.enroll('newcomer');
    // Ten seconds' worth at once are ten.
    for (let round = 0; round < 15; round++) expect(await attempt(fleet, newcomer, newcomer.id)).toBe(0);
    await whileDevicesPublish(async (pulse) => {
      const began = performance.now();
      for (let count = 0; count < 11; count++) (await halfOpen(GARBAGE)).resume();
      const waiting = new Attempt(newcomer);
      expect(await attempt(fleet, newcomer, newcomer.id, ELSEWHERE)).toBe(0);
      await pulse();
      await eventually(async () => (await fleet.refusals('tls_handshake_failed')) >= 10);
      const failed = await fleet.refusals('tls_handshake_failed');
      // One more each second: the last of them, and then whoever is behind it.
      const seconds = Math.floor((performance.now() - began) / 1_000);
      expect(failed).toBeLessThanOrEqual(10 + seconds);
      expect(await waiting.answer).toBe(0);
      expect(performance.now() - began).toBeGreaterThan(2_000);
    });
    expect(await fleet.refusals('connection_limit')).toBe(0);
  });

  it('let a device of the same address in when its turn comes, while they go on', async () => {
    const going = 10;
    await start({ failuresPerSecondPerAddress: 4 });
    const newcomer = await fleet.enroll('newcomer');
    let isOver = false;
    const goOn = async () => {
      while (!isOver) {
        const socket = await halfOpen(GARBAGE);
        if (!socket.destroyed) await once(socket.resume(), 'close').catch(() => {});
      }
    };
    const failed = () => fleet.refusals('tls_handshake_failed');
    await whileDevicesPublish(async () => {
      const ending = Array.from({ length: going }, goOn);
      try {
        await eventually(async () => (await failed()) >= 40); // ten seconds' worth
        expect(await attempt(fleet, newcomer, newcomer.id, ELSEWHERE)).toBe(0);
        const before = await failed();
        // Its turn has come when it is answered, however long the rest of a handshake may take.
        await once(await halfOpen(clientHello), 'data');
        // Those before it in the line, and those that begin while this is asked.
        expect((await failed()) - before).toBeLessThan(3 * going);
        expect(await attempt(fleet, newcomer, newcomer.id)).toBe(0);
      } finally {
        isOver = true;
        for (const socket of flood) socket.destroy();
        await Promise.all(ending);
      }
    });
  });

  it('are bounded in all, wherever they come from', async () => {
    await start({ unproven: 10, waiting: 1 }, 60_000); // nobody loses a place meanwhile
    for (let index = 0; index < 10; index++) await halfOpen(null, `127.0.1.${index + 1}`);
    const waiting = await halfOpen(null, '127.0.2.1');
    await once(await halfOpen(null, '127.0.2.2'), 'close');
    expect(await fleet.refusals('connection_limit')).toBe(1);
    expect(waiting.destroyed).toBe(false);
  });
});

describe('a fleet that comes back at once', () => {
  it('gets in through one address, whole', async () => {
    await start({ handshakes: 8, handshakesPerAddress: 4 }, 60_000);
    const identities = await Promise.all(
      Array.from({ length: 10 }, (_, index) => fleet.enroll(`dev-${index}`)),
    );
    const coming = identities.flatMap((identity) =>
      Array.from({ length: 15 }, (_, index) => attempt(fleet, identity, `${identity.id}/${index}`)),
    );
    const answers = await Promise.all(coming);
    expect(answers.filter((answer) => answer === 0)).toHaveLength(150);
  });
});

describe('a device that connects over and over', () => {
  it('is refused after a while, told of, and keeps no other out', async () => {
    await start({ connectsPerSecond: 0.1 });
    const [restless, other] = [await fleet.enroll('restless'), await fleet.enroll('other')];
    for (let count = 0; count < 6; count++) expect(await attempt(fleet, restless, 'restless')).toBe(0);
    expect(await attempt(fleet, restless, 'restless')).toBe('closed');
    expect(await fleet.refusals('connect_rate_exceeded')).toBe(1);
    expect(await fleet.logged('connection refused', 'connect_rate_exceeded')).toMatchObject({
      device: 'restless',
    });
    expect(await attempt(fleet, other, 'other')).toBe(0);
  });

  it('uses up what its address may fail', async () => {
    await start({ connectsPerSecond: 0.1, failuresPerSecondPerAddress: 0.4 });
    const [restless, other] = [await fleet.enroll('restless'), await fleet.enroll('other')];
    for (let count = 0; count < 6; count++) await attempt(fleet, restless, 'restless');
    const began = performance.now();
    for (let count = 0; count < 4; count++) await attempt(fleet, restless, 'restless');
    const waiting = new Attempt(other);
    expect(await attempt(fleet, other, 'other', ELSEWHERE)).toBe(0);
    expect(await waiting.answer).toBe(0);
    // A fifth may fail after two and a half seconds.
    expect(performance.now() - began).toBeGreaterThan(2_500);
  });
});
