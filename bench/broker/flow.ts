/**
 * Messages from many publishers to one subscriber, in a closed loop: no more than a window of them is on its way, from
 * the publisher to the subscriber and, with QoS 1, back to the publisher.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '../harness/server-process.ts';
import { type Identity, Session, type Target } from '../harness/session.ts';
import { type PublishTemplate, publishTemplate, type Qos } from '../harness/wire.ts';

const WARM_UP_MS = 1_000;
/** Written at one stroke by one publisher. */
const BURST = 20;

export interface FlowOptions {
  readonly target: Target;
  readonly server: ServerProcess;
  readonly publishers: readonly Identity[];
  readonly subscriber: Identity;
  readonly qos: Qos;
  readonly window: number;
  readonly payloadBytes: number;
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

export interface Flow {
  /** As the subscriber counts them. */
  readonly perSecond: number;
  /** Processor time of the broker for one message. */
  readonly cpuMicroseconds: number;
  readonly serverBusy: number;
  readonly loadBusy: number;
}

export async function measureFlow(options: FlowOptions): Promise<Flow> {
  const { target, server, publishers, subscriber, qos, milliseconds, signal } = options;
  let [received, acknowledged] = [0, 0];
  const pump = new Pump(options, () => Math.min(received, qos === 0 ? received : acknowledged));
  const reader = await Session.open({
    target,
    identity: subscriber,
    onMessage: () => {
      received += 1;
      pump.wake();
    },
  });
  const sessions: Session[] = [];
  try {
    await reader.subscribe('devices/+/telemetry', qos);
    for (const identity of publishers) {
      const onPuback = () => {
        acknowledged += 1;
        pump.wake();
      };
      sessions.push(await Session.open({ target, identity, onPuback }));
    }
    pump.start(sessions);
    await pause(Math.min(WARM_UP_MS, milliseconds), undefined, { signal });
    const [before, usage, own, start] = [received, server.usage(), process.cpuUsage(), performance.now()];
    await pause(milliseconds, undefined, { signal });
    const [count, seconds] = [received - before, (performance.now() - start) / 1_000];
    const cpuSeconds = server.usage().cpuSeconds - usage.cpuSeconds;
    const spent = process.cpuUsage(own);
    return {
      perSecond: count / seconds,
      cpuMicroseconds: (cpuSeconds * 1e6) / count,
      serverBusy: cpuSeconds / seconds,
      loadBusy: (spent.user + spent.system) / 1e6 / seconds,
    };
  } finally {
    pump.stop();
    await Promise.all([...sessions, reader].map((session) => session.close()));
  }
}

/** Keeps the window full. */
class Pump {
  readonly #options: FlowOptions;
  readonly #done: () => number;
  #sessions: readonly Session[] = [];
  #templates: readonly PublishTemplate[] = [];
  #sent = 0;
  #turn = 0;
  #woken = false;
  #running = false;

  /** @param done how many of those sent are on their way no more */
  constructor(options: FlowOptions, done: () => number) {
    this.#options = options;
    this.#done = done;
  }

  start(sessions: readonly Session[]): void {
    const { qos, payloadBytes } = this.#options;
    const payload = Buffer.alloc(payloadBytes, 'x');
    this.#sessions = sessions;
    this.#templates = sessions.map(({ id }) => publishTemplate(`devices/${id}/telemetry`, payload, qos));
    this.#running = true;
    this.wake();
  }

  stop(): void {
    this.#running = false;
  }

  /** Once for all that one turn of the event loop brought. */
  wake(): void {
    if (this.#woken || !this.#running) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      if (this.#running) this.#fill();
    });
  }

  #fill(): void {
    let room = this.#options.window - (this.#sent - this.#done());
    while (room > 0) {
      const count = Math.min(BURST, room);
      this.#turn = (this.#turn + 1) % this.#sessions.length;
      this.#sessions[this.#turn]?.socket.write(this.#burst(this.#turn, count));
      this.#sent += count;
      room -= count;
    }
  }

  #burst(place: number, count: number): Buffer {
    const template = this.#templates[place];
    if (template === undefined) throw new Error('There is no such publisher');
    const { bytes, packetIdAt } = template;
    const burst = Buffer.alloc(bytes.length * count);
    for (let index = 0; index < count; index += 1) {
      bytes.copy(burst, index * bytes.length);
      // 1 to 65,535, round and round: the window is far smaller.
      if (packetIdAt !== null)
        burst.writeUInt16BE(((this.#sent + index) % 65_535) + 1, index * bytes.length + packetIdAt);
    }
    return burst;
  }
}
