/** A durable session that is away: how fast messages are queued for it, and how fast it is given them when it is back. */
import type { ServerProcess } from '../harness/server-process.ts';
import { type Identity, Session, type Target } from '../harness/session.ts';
import { publishTemplate } from '../harness/wire.ts';

const WINDOW = 1_000;

export interface OfflineOptions {
  readonly target: Target;
  readonly server: ServerProcess;
  readonly publisher: Identity;
  readonly subscriber: Identity;
  readonly payloadBytes: number;
  /** Fewer than a broker keeps for one session. */
  readonly messages: number;
  readonly signal: AbortSignal;
}

export interface Offline {
  /** Acknowledged a second. */
  readonly queuedPerSecond: number;
  /** Received and acknowledged a second, from the connect on. */
  readonly drainedPerSecond: number;
  /** Fewer than were acknowledged means that some were lost. */
  readonly drained: number;
}

export async function measureOffline(options: OfflineOptions): Promise<Offline> {
  const { target, subscriber, messages } = options;
  const absent = await Session.open({ target, identity: subscriber, clean: false });
  await absent.subscribe('devices/+/telemetry', 1);
  await absent.close();

  const queueStart = performance.now();
  await publishAll(options);
  const queueSeconds = (performance.now() - queueStart) / 1_000;

  const drainStart = performance.now();
  const drained = await drain(options);
  const drainSeconds = (performance.now() - drainStart) / 1_000;
  // Its end: a clean session of the same id.
  await (await Session.open({ target, identity: subscriber })).close();
  return {
    queuedPerSecond: messages / queueSeconds,
    drainedPerSecond: drained / drainSeconds,
    drained,
  };
}

/** Resolves when all of them are acknowledged. */
async function publishAll({
  target,
  publisher,
  payloadBytes,
  messages,
  signal,
}: OfflineOptions): Promise<void> {
  const topic = `devices/${publisher.id}/telemetry`;
  const { bytes, packetIdAt } = publishTemplate(topic, Buffer.alloc(payloadBytes, 'x'), 1);
  if (packetIdAt === null) throw new Error('QoS 1 has packet ids');
  let [sent, acknowledged] = [0, 0];
  let writer: Session | undefined;
  await new Promise<void>((resolve, reject) => {
    const send = () => {
      while (sent < messages && sent - acknowledged < WINDOW) {
        const one = Buffer.from(bytes);
        one.writeUInt16BE((sent % 65_535) + 1, packetIdAt);
        writer?.socket.write(one);
        sent += 1;
      }
    };
    const onPuback = () => {
      acknowledged += 1;
      if (acknowledged === messages) resolve();
      else send();
    };
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    Session.open({ target, identity: publisher, onPuback }).then((session) => {
      writer = session;
      session.socket.once('close', () => reject(new Error('the publisher lost its connection')));
      send();
    }, reject);
  });
  await writer?.close();
}

/** @returns how many came */
async function drain({ target, subscriber, messages, signal }: OfflineOptions): Promise<number> {
  let received = 0;
  let session: Session | undefined;
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    const onMessage = () => {
      received += 1;
      if (received === messages) resolve();
    };
    Session.open({ target, identity: subscriber, clean: false, onMessage }).then((opened) => {
      session = opened;
      opened.socket.once('close', () => resolve());
    }, reject);
  });
  await session?.close();
  return received;
}
