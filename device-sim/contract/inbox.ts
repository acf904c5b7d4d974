/**
 * What a session has received, from the first packet on. A message is acknowledged once its handler has seen it:
 * until there is a handler it waits, and with it whatever follows; and once the session is being ended it is not
 * taken any more, so that the broker keeps it for the next one.
 */
import type { IPublishPacket, MqttClient } from 'mqtt';

export type MessageHandler = (topic: string, payload: Buffer) => void;

export class Inbox {
  #handler: MessageHandler | undefined;
  /** mqtt.js hands a packet on when the one before is done with: at most one waits. */
  #waiting: (() => void) | undefined;
  #closed = false;

  constructor(client: MqttClient) {
    client.handleMessage = (packet, done) => this.#receive(packet, done);
  }

  set handler(handler: MessageHandler) {
    this.#handler = handler;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  /** @param done with an error sends no acknowledgement, and goes on with the next packet */
  #receive(packet: IPublishPacket, done: (error?: Error) => void): void {
    const handler = this.#handler;
    if (this.#closed) {
      done(new Error('the session is being ended'));
    } else if (handler === undefined) {
      this.#waiting = () => this.#receive(packet, done);
    } else {
      const { topic, payload } = packet;
      handler(topic, typeof payload === 'string' ? Buffer.from(payload) : payload);
      done();
    }
  }
}
