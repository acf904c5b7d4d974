/** The messages that an mqtt.js client has been handed. */
import type { IPublishPacket, MqttClient } from 'mqtt';
import { eventually } from '../support/eventually.ts';

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export class Inbox {
  readonly messages: Received[] = [];

  /** Listens from now on. */
  constructor(client: MqttClient) {
    client.on('message', (topic: string, payload: Buffer, { retain }: IPublishPacket) => {
      this.messages.push({ topic, payload: payload.toString(), retain });
    });
  }

  get payloads(): string[] {
    return this.messages.map(({ payload }) => payload);
  }

  /** Resolves once a message with this payload is here. */
  async has(payload: string): Promise<void> {
    await eventually(() => this.payloads.includes(payload));
  }
}

/** Resolves when the connection has ended. */
export async function untilClosed(client: MqttClient): Promise<void> {
  await eventually(() => !client.connected);
}

/** The return codes of SUBACK, one a filter. mqtt.js rejects where one of them is a refusal. */
export async function subscribe(
  client: MqttClient,
  filters: string | string[],
  qos: 0 | 1 | 2 = 1,
): Promise<number[]> {
  return new Promise((resolve, reject) => {
    client.subscribe(filters, { qos }, (error, _requested, packet) => {
      if (packet === undefined) reject(error ?? new Error('no SUBACK'));
      else resolve(packet.granted.map(Number));
    });
  });
}
