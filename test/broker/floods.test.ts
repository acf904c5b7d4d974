/** Connections by the hundred, finished or never, while devices that are connected go on as before. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import type { BrokerLimits } from '../../broker/limits.ts';
import type { Identity } from './authority.ts';
import { eventually } from './eventually.ts';
import { Fleet } from './fleet.ts';
import { attempt, connectPacket, RawClient, type RawOptions } from './raw-client.ts';

const FLOOD = 400;
const PLACES = 300;
const GARBAGE = Buffer.from('GET / HTTP/1.1\r\n\r\n');
const PATIENCE_MS = 1_500;

let fleet: Fleet;
let flood: { destroy(): void }[] = [];
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
afterEach(async () => {
  for (const socket of flood) socket.destroy();
  flood = [];
  await fleet.close();
});

async function start(limits: Partial<BrokerLimits> = {}): Promise<void> {
  const patience = { handshakeTime: PATIENCE_MS, admissionTime: PATIENCE_MS };
  fleet = await Fleet.create({ limits: { unprovenPerAddress: PLACES, ...patience, ...limits } });
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

/** Publishes one message after the other, and knows how long each took to be acknowledged. */
class Publishing {
  readonly latencies: number[] = [];
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
      const started = performance.now();
      await this.client.publishAsync(topic, 'x', { qos: 1 });
      this.latencies.push(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Connected devices, publishing while `act` does what it does; afterwards all of them still are. */
async function whileDevicesPublish(act: () => Promise<void>): Promise<void> {
  const publishing: Publishing[] = [];
  for (const id of ['steady-1', 'steady-2', 'steady-3']) {
    publishing.push(new Publishing(await fleet.connect(await fleet.enroll(id)), id));
  }
  await eventually(() => publishing.every(({ latencies }) => latencies.length > 5));
  await act();
  for (const one of publishing) await one.stop();
  const latencies = publishing.flatMap((one) => one.latencies).sort((one, other) => one - other);
  // What a broker that worked through a flood in one go, or waited for a slow one of it, could not keep.
  expect(latencies[Math.floor(latencies.length * 0.95)]).toBeLessThan(PATIENCE_MS / 5);
  expect(publishing.every(({ client }) => client.connected)).toBe(true);
}

/** The device gets in at its first attempt: it may have to wait, and is not turned away. */
async function getsIn(identity: Identity, within: number, options: RawOptions = {}): Promise<void> {
  const started = performance.now();
  expect(await attempt(fleet, identity, identity.id, options)).toBe(0);
  expect(performance.now() - started).toBeLessThan(within);
}

describe('half-open connections', () => {
  it.each([
    ['that say nothing', () => null],
    ['that begin a TLS handshake', () => clientHello],
    ['that begin a TLS handshake and stop within a record', () => clientHello.subarray(0, 20)],
  ])('%s delay newcomers of their address alone, and lose their places', async (_, bytes) => {
    await start();
    const newcomer = await fleet.enroll('newcomer');
    await whileDevicesPublish(async () => {
      await Promise.all(Array.from({ length: FLOOD }, () => halfOpen(bytes())));
      await getsIn(newcomer, PATIENCE_MS, { localAddress: '127.0.0.2' });
      await getsIn(newcomer, 4 * PATIENCE_MS);
    });
    await eventually(async () => (await fleet.refusals('tls_handshake_failed')) >= FLOOD);
    // As many lines as can be read, not one for each.
    expect(fleet.log.filter(({ msg }) => msg === 'connection refused').length).toBeLessThan(FLOOD / 4);
  });

  it('that send their ClientHello a byte at a time end in the time of a handshake', async () => {
    await start();
    const newcomer = await fleet.enroll('newcomer');
    await whileDevicesPublish(async () => {
      const sockets = await Promise.all(Array.from({ length: PLACES }, () => halfOpen(null)));
      let sent = 0;
      const dripping = setInterval(() => {
        for (const socket of sockets) socket.write(clientHello.subarray(sent, sent + 1));
        sent++;
      }, PATIENCE_MS / 20);
      try {
        await getsIn(newcomer, PATIENCE_MS, { localAddress: '127.0.0.2' });
        await getsIn(newcomer, 4 * PATIENCE_MS);
      } finally {
        clearInterval(dripping);
      }
    });
  });

  it('that send CONNECT a byte at a time end in the time that it has, and count as arriving', async () => {
    await start();
    const slow = await fleet.enroll('slow');
    const connectBytes = generate(connectPacket('slow', { username: 'x'.repeat(1_000) }));
    await whileDevicesPublish(async () => {
      const clients = await Promise.all(Array.from({ length: 32 }, () => RawClient.open(fleet, slow)));
      flood.push(...clients.map(({ socket }) => socket));
      let sent = 0;
      const dripping = setInterval(() => {
        for (const { socket } of clients) socket.write(connectBytes.subarray(sent, sent + 1));
        sent++;
      }, PATIENCE_MS / 20);
      try {
        await expect(attempt(fleet, slow, 'slow')).resolves.toBe('closed');
        for (const client of clients) await client.untilClosed(2 * PATIENCE_MS);
      } finally {
        clearInterval(dripping);
      }
      expect(await fleet.refusals('connect_timeout')).toBe(32);
      expect(await attempt(fleet, slow, 'slow')).toBe(0);
    });
  });
});

describe('connections that come to nothing, one after the other', () => {
  it('use up what their address may, which then waits, and those that prove to be devices do not', async () => {
    await start({ failuresPerSecondPerAddress: 10 });
    const newcomer = await fleet.enroll('newcomer');
    // Ten seconds' worth at once are a hundred.
    for (let round = 0; round < 120; round++) await getsIn(newcomer, PATIENCE_MS);
    await whileDevicesPublish(async () => {
      for (let count = 0; count < 120; count++) (await halfOpen(GARBAGE)).resume();
      await getsIn(newcomer, PATIENCE_MS, { localAddress: '127.0.0.2' });
      expect(await fleet.refusals('tls_handshake_failed')).toBeLessThan(115);
      await getsIn(newcomer, 4 * PATIENCE_MS);
    });
    expect(await fleet.refusals('connection_limit')).toBe(0);
  });

  it('let a device of the same address in within seconds while they go on', async () => {
    await start({ failuresPerSecondPerAddress: 20 });
    const newcomer = await fleet.enroll('newcomer');
    let isOver = false;
    const goOn = async () => {
      while (!isOver) {
        const socket = await halfOpen(GARBAGE);
        if (!socket.destroyed) await once(socket.resume(), 'close').catch(() => {});
      }
    };
    await whileDevicesPublish(async () => {
      const going = Array.from({ length: 40 }, goOn);
      await eventually(async () => (await fleet.refusals('tls_handshake_failed')) >= 200);
      await getsIn(newcomer, PATIENCE_MS, { localAddress: '127.0.0.2' });
      await getsIn(newcomer, 3 * PATIENCE_MS);
      isOver = true;
      await Promise.all(going);
    });
  });

  it('are bounded in all, wherever they come from', async () => {
    await start({ unproven: 10, waiting: 1 });
    for (let index = 0; index < 10; index++) await halfOpen(null, `127.0.1.${index + 1}`);
    const waiting = await halfOpen(null, '127.0.2.1');
    await once(await halfOpen(null, '127.0.2.2'), 'close');
    expect(await fleet.refusals('connection_limit')).toBe(1);
    expect(waiting.destroyed).toBe(false);
  });
});

describe('a fleet that comes back at once', () => {
  it('gets in through one address, whole', async () => {
    await start({ handshakes: 24, handshakesPerAddress: 12 });
    const identities = await Promise.all(
      Array.from({ length: 20 }, (_, index) => fleet.enroll(`dev-${index}`)),
    );
    const coming = identities.flatMap((identity) =>
      Array.from({ length: 15 }, (_, index) => attempt(fleet, identity, `${identity.id}/${index}`)),
    );
    const answers = await Promise.all(coming);
    expect(answers.filter((answer) => answer === 0)).toHaveLength(300);
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
    await start({ connectsPerSecond: 0.1, failuresPerSecondPerAddress: 0.5 });
    const [restless, other] = [await fleet.enroll('restless'), await fleet.enroll('other')];
    for (let count = 0; count < 6; count++) await attempt(fleet, restless, 'restless');
    for (let count = 0; count < 5; count++) await attempt(fleet, restless, 'restless');
    let isWaiting = true;
    const waiting = attempt(fleet, other, 'other').finally(() => {
      isWaiting = false;
    });
    await getsIn(other, PATIENCE_MS, { localAddress: '127.0.0.2' });
    expect(isWaiting).toBe(true);
    expect(await waiting).toBe(0);
  });
});
