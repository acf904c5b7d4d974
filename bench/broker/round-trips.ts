/** One message at a time from a publisher to a subscriber: what a broker adds when it has nothing else to do. */
import { type Identity, Session, type Target } from '../harness/session.ts';
import { publishTemplate, type Qos } from '../harness/wire.ts';

export interface RoundTripOptions {
  readonly target: Target;
  readonly publisher: Identity;
  readonly subscriber: Identity;
  readonly qos: Qos;
  readonly payloadBytes: number;
  readonly messages: number;
  readonly signal: AbortSignal;
}

/** @returns the time from each one's PUBLISH to the subscriber, in ms */
export async function measureRoundTrips(options: RoundTripOptions): Promise<number[]> {
  const { target, publisher, subscriber, qos, payloadBytes, messages, signal } = options;
  let arrived: () => void = () => {};
  const reader = await Session.open({ target, identity: subscriber, onMessage: () => arrived() });
  const writer = await Session.open({ target, identity: publisher });
  try {
    await reader.subscribe('devices/+/telemetry', qos);
    const topic = `devices/${publisher.id}/telemetry`;
    const { bytes, packetIdAt } = publishTemplate(topic, Buffer.alloc(payloadBytes, 'x'), qos);
    const latencies: number[] = [];
    for (let count = 0; count < messages; count += 1) {
      signal.throwIfAborted();
      if (packetIdAt !== null) bytes.writeUInt16BE((count % 65_535) + 1, packetIdAt);
      const arrival = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const start = performance.now();
      writer.socket.write(Buffer.from(bytes));
      await arrival;
      latencies.push(performance.now() - start);
    }
    return latencies;
  } finally {
    await Promise.all([reader.close(), writer.close()]);
  }
}
