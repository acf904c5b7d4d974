/** One connection of the load: TLS with the device's certificate, CONNECT, and then bytes. */
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Device } from './fleet.ts';
import {
  connectPacket,
  disconnectPacket,
  type PacketHandlers,
  PacketReader,
  pubacks,
  type Qos,
  subscribePacket,
} from './wire.ts';

const CONNECT_TIMEOUT_MS = 60_000;

/** A broker that is measured, as a client sees it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** PEM of the trust anchor. */
  readonly ca: string;
}

/** What a device needs to connect again and again: made once, for it costs as much as a handshake. */
export interface Identity {
  readonly id: string;
  readonly context: SecureContext;
}

export function identityOf({ id, key, chain }: Device, { ca }: Target): Identity {
  return { id, context: createSecureContext({ ca, key, cert: chain }) };
}

export interface SessionOptions {
  readonly target: Target;
  readonly identity: Identity;
  /** The default is true. */
  readonly clean?: boolean;
  /** A TLS session to resume. */
  readonly ticket?: Buffer;
  /** Told of every message, whose PUBACK is sent by itself. */
  readonly onMessage?: (payload: Buffer) => void;
  readonly onPuback?: () => void;
}

export class Session {
  readonly socket: TLSSocket;
  readonly id: string;
  #onConnack: (present: boolean) => void = () => {};
  #onRefusal: (error: Error) => void = () => {};
  #onSuback: () => void = () => {};
  #unacknowledged: number[] = [];

  /** Resolves once CONNACK says yes. Rejects where the connection ends before, or says no. */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    await session.#connect(options.clean ?? true);
    return session;
  }

  private constructor({ target, identity, ticket, onMessage, onPuback }: SessionOptions) {
    const { host, port } = target;
    this.id = identity.id;
    this.socket = connect({
      ...{ host, port, servername: 'localhost', secureContext: identity.context },
      ...(ticket !== undefined && { session: ticket }),
    });
    this.socket.setNoDelay(true);
    const handlers: PacketHandlers = {
      connack: (accepted, present) =>
        accepted ? this.#onConnack(present) : this.#onRefusal(new Error(`${identity.id} was refused`)),
      suback: () => this.#onSuback(),
      ...(onPuback !== undefined && { puback: onPuback }),
      publish: (packetId, payload) => {
        if (packetId !== null) this.#unacknowledged.push(packetId);
        onMessage?.(payload);
      },
    };
    const reader = new PacketReader(handlers);
    this.socket.on('data', (chunk: Buffer) => {
      reader.read(chunk);
      this.#acknowledge();
    });
    this.socket.on('error', (error) => this.#onRefusal(error));
    this.socket.on('close', () => this.#onRefusal(new Error(`${identity.id}: the connection was closed`)));
  }

  async #connect(clean: boolean): Promise<void> {
    const timer = setTimeout(
      () => this.socket.destroy(new Error(`${this.id}: no CONNACK in time`)),
      CONNECT_TIMEOUT_MS,
    );
    try {
      await new Promise<boolean>((resolve, reject) => {
        this.#onConnack = resolve;
        this.#onRefusal = reject;
        this.socket.write(connectPacket(this.id, { clean }));
      });
    } finally {
      clearTimeout(timer);
      this.#onRefusal = () => {};
    }
  }

  async subscribe(filter: string, qos: Qos): Promise<void> {
    const subscribed = new Promise<void>((resolve) => {
      this.#onSuback = resolve;
    });
    this.socket.write(subscribePacket(filter, qos));
    await subscribed;
  }

  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    // A reset is an end too: what the broker had not read yet is nobody's loss by now.
    const closed = new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve());
    });
    this.socket.end(disconnectPacket);
    this.socket.resume();
    await closed;
  }

  /** All that came in one chunk at one stroke. */
  #acknowledge(): void {
    if (this.#unacknowledged.length === 0) return;
    this.socket.write(pubacks(this.#unacknowledged));
    this.#unacknowledged = [];
  }
}
