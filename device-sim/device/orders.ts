/** The commands a simulated device obeys, as JSON on its commands topic, and how it answers each. */
import { z } from 'zod';
import type { Identity } from '../identity/identity.ts';

/** What a device reads at most; a command is a line of JSON, not a download. */
const MAX_BYTES = 4096;

/** `id`, where given, comes back in the answer, so that the sender can tell answers apart. */
const id = z.string().max(64).optional();
const orderSchema = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('ping'), id }),
  z.strictObject({ command: z.literal('identify'), id }),
  z.strictObject({ command: z.literal('set-interval'), id, seconds: z.number().min(0.1).max(86_400) }),
]);

export type Order = z.output<typeof orderSchema>;

/** What an order can change or ask. */
export interface OrderTarget {
  readonly identity: Pick<Identity, 'deviceId' | 'serialNumber' | 'notAfter'>;
  /** @param interval milliseconds between two readings */
  setInterval(interval: number): void;
}

export type OrderAnswer = { readonly ok: boolean } & Readonly<Record<string, unknown>>;

/** Never throws: what is not understood is answered too, since whoever sent it waits. */
export function obey(payload: Buffer, target: OrderTarget): OrderAnswer {
  const order = parseOrder(payload);
  if (order === undefined) {
    return { ok: false, error: 'not a command; there are ping, identify and set-interval (with seconds)' };
  }
  const answer = { ok: true, command: order.command, ...(order.id !== undefined && { id: order.id }) };
  switch (order.command) {
    case 'ping':
      return { ...answer, answer: 'pong' };
    case 'identify': {
      const { deviceId, serialNumber, notAfter } = target.identity;
      return { ...answer, deviceId, serialNumber, notAfter: new Date(notAfter).toISOString() };
    }
    case 'set-interval':
      target.setInterval(order.seconds * 1000);
      return { ...answer, seconds: order.seconds };
  }
}

function parseOrder(payload: Buffer): Order | undefined {
  if (payload.length > MAX_BYTES) return undefined;
  try {
    return orderSchema.safeParse(JSON.parse(payload.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
