/**
 * The broker killed at random moments, under load. `GATEHOUSE_KILLS` kills it more often than that, `GATEHOUSE_SEED`
 * chooses the moments.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Fleet } from '../broker/fleet.ts';
import { eventually } from '../support/eventually.ts';
import { BrokerProcess } from './broker-process.ts';
import type { StrictClient } from './strict-client.ts';

const KILLS = Number(process.env.GATEHOUSE_KILLS ?? 5);
const SEED = Number(process.env.GATEHOUSE_SEED ?? 1);
/** Messages that a publisher has under way. */
const WINDOW = 100;
const LIFE_MS = 300;

let fleet: Fleet;
let broker: BrokerProcess;
const clients: StrictClient[] = [];
beforeAll(async () => {
  fleet = await Fleet.create({ start: false });
  await fleet.applyPolicyGroup('anything', {
    publish: ['#'],
    subscribe: ['#'],
    limits: { messagesPerSecond: 100_000, bytesPerSecond: 100_000_000 },
  });
  broker = new BrokerProcess(fleet, '--log-level', 'warn');
  await broker.start();
});
afterAll(async () => {
  for (const client of clients) client.end();
  await broker.stop();
  await fleet.close();
});

async function clientOf(id: string): Promise<StrictClient> {
  const client = broker.client(await fleet.enroll(id, { group: 'anything' }));
  clients.push(client);
  return client;
}

/** Says 1, 2, 3 … on its topic, and knows what was acknowledged. */
class Publisher {
  readonly topic: string;
  readonly acknowledged: number[] = [];
  readonly #client: StrictClient;
  readonly #qos: 1 | 2;
  #said = 0;
  #isOver = false;

  constructor(client: StrictClient, topic: string, qos: 1 | 2) {
    this.#client = client;
    this.topic = topic;
    this.#qos = qos;
    for (let count = 0; count < WINDOW; count++) this.#sayNext();
  }

  /** Resolves when everything that was said has been acknowledged. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await eventually(() => this.acknowledged.length === this.#said);
  }

  #sayNext(): void {
    const number = ++this.#said;
    void this.#client.publish(this.topic, String(number), this.#qos).then(() => {
      this.acknowledged.push(number);
      if (!this.#isOver) this.#sayNext();
    });
  }
}

/** What it was handed, by topic, in order. */
class Subscriber {
  readonly received = new Map<string, number[]>();

  constructor(client: StrictClient) {
    client.onMessage = ({ topic, payload }) => {
      const numbers = this.received.get(topic) ?? [];
      this.received.set(topic, numbers);
      numbers.push(Number(payload));
    };
  }

  of({ topic }: Publisher): readonly number[] {
    return this.received.get(topic) ?? [];
  }

  hasAll(publisher: Publisher): boolean {
    return new Set(this.of(publisher)).size === publisher.acknowledged.length;
  }
}

/** Resolves when each of them has been acknowledged something more. */
async function progress(publishers: readonly Publisher[]): Promise<void> {
  const before = publishers.map(({ acknowledged }) => acknowledged.length);
  await eventually(() =>
    publishers.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0)),
  );
}

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

it(
  'loses nothing that it acknowledged, repeats nothing of QoS 2, and keeps the order of each topic',
  async () => {
    const chance = random(SEED);
    const subscribers: Subscriber[] = [];
    const subscriberClients: StrictClient[] = [];
    for (const id of ['reader-1', 'reader-2']) {
      const client = await clientOf(id);
      subscriberClients.push(client);
      subscribers.push(new Subscriber(client));
      await eventually(() => client.isConnected);
      await client.subscribe(['load/#', 'load/+/two'], 2); // overlapping
    }
    const publishers: Publisher[] = [];
    for (const [id, name, qos] of [
      ['writer-1', 'one', 1],
      ['writer-2', 'two', 2],
      ['writer-3', 'one', 1],
    ] as const) {
      publishers.push(new Publisher(await clientOf(id), `load/${id}/${name}`, qos));
    }
    for (let kill = 0; kill < KILLS; kill++) {
      // Now and then it is killed while everybody is still coming back.
      if (kill % 4 !== 3) await progress(publishers);
      await delay(chance() * LIFE_MS);
      // One of the readers is away now and then, so that there is a queue to come back to.
      if (kill % 3 === 0) subscriberClients[1]?.drop();
      await broker.kill();
      await broker.start();
    }
    for (const publisher of publishers) await publisher.stop();
    // Otherwise nothing was shown.
    for (const { acknowledged } of publishers) expect(acknowledged.length).toBeGreaterThan(KILLS * 10);
    for (const subscriber of subscribers) {
      for (const publisher of publishers) {
        await eventually(() => subscriber.hasAll(publisher));
        const received = subscriber.of(publisher);
        const firsts = [...new Set(received)];
        expect(firsts).toEqual([...firsts].sort((one, other) => one - other));
        if (publisher.topic.endsWith('two')) expect(received).toEqual(firsts);
      }
    }
  },
  60_000 + KILLS * 3_000,
);
