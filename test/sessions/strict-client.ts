/**
 * A client that keeps its side of MQTT 3.1.1 to the letter, over any number of connections: it sends what is not
 * acknowledged again, in order and under the same message ids [MQTT-4.4.0-1], and takes a message of QoS 2 once.
 */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet';

const RETRY_MS = 20;
const MESSAGE_IDS = 65_535;

interface Sent {
  readonly packet: IPublishPacket;
  readonly resolve: () => void;
  /** PUBREC has come. */
  isReleased: boolean;
}

export interface StrictClientOptions {
  readonly clientId: string;
  readonly tls: ConnectionOptions;
  readonly clean?: boolean;
}

export class StrictClient {
  /** Called with each message that it is handed. */
  onMessage: (packet: IPublishPacket) => void = () => {};
  /** Called with each packet that comes in. */
  onPacket: (packet: Packet) => void = () => {};
  readonly #options: StrictClientOptions;
  /** By message id, in the order in which they were published. */
  readonly #sent = new Map<number, Sent>();
  /** Ids of messages of QoS 2 that were taken and not released. */
  readonly #taken = new Set<number>();
  readonly #answers = new Map<number, () => void>();
  #socket: TLSSocket | undefined;
  #isConnected = false;
  #isEnded = false;
  #lastId = 0;

  constructor(options: StrictClientOptions) {
    this.#options = options;
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Resolves when it is acknowledged, on whichever connection. */
  publish(topic: string, payload: string, qos: 1 | 2): Promise<void> {
    const messageId = this.#nextId();
    const packet = { cmd: 'publish', topic, payload, qos, dup: false, retain: false, messageId } as const;
    return new Promise((resolve) => {
      this.#sent.set(messageId, { packet, resolve, isReleased: false });
      this.#say(packet);
    });
  }

  /** Resolves at SUBACK. */
  subscribe(filters: readonly string[], qos: 0 | 1 | 2): Promise<void> {
    const messageId = this.#nextId();
    const subscriptions = filters.map((topic) => ({ topic, qos }));
    return new Promise((resolve) => {
      this.#answers.set(messageId, resolve);
      this.#say({ cmd: 'subscribe', messageId, subscriptions });
    });
  }

  /** The connection is lost; another one follows. */
  drop(): void {
    this.#socket?.destroy();
  }

  end(): void {
    this.#isEnded = true;
    this.#socket?.destroy();
  }

  #connect(): void {
    const { clientId, tls, clean = false } = this.#options;
    const socket = connect(tls);
    const reading = parser({ protocolVersion: 4 });
    reading.on('packet', (packet) => {
      if (this.#socket === socket) this.#hear(packet);
    });
    this.#socket = socket
      .on('data', (chunk) => reading.parse(chunk))
      .on('error', () => {}) // 'close' follows
      .on('close', () => {
        this.#isConnected = false;
        if (!this.#isEnded) setTimeout(() => this.#connect(), RETRY_MS);
      });
    const version = { protocolId: 'MQTT', protocolVersion: 4 } as const;
    socket.write(generate({ cmd: 'connect', ...version, clientId, clean, keepalive: 0 }));
  }

  #hear(packet: Packet): void {
    this.onPacket(packet);
    const messageId = packet.messageId ?? 0;
    if (packet.cmd === 'connack') this.#resume();
    else if (packet.cmd === 'publish') this.#take(packet);
    else if (packet.cmd === 'pubrel') {
      this.#taken.delete(messageId);
      this.#say({ cmd: 'pubcomp', messageId });
    } else if (packet.cmd === 'pubrec') {
      const sent = this.#sent.get(messageId);
      if (sent !== undefined) sent.isReleased = true;
      this.#say({ cmd: 'pubrel', messageId });
    } else if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') {
      this.#sent.get(messageId)?.resolve();
      this.#sent.delete(messageId);
    } else this.#answers.get(messageId)?.();
  }

  #resume(): void {
    this.#isConnected = true;
    for (const { packet, isReleased } of this.#sent.values()) {
      if (isReleased) this.#say({ cmd: 'pubrel', messageId: packet.messageId ?? 0 });
      else this.#say({ ...packet, dup: true });
    }
  }

  #take(packet: IPublishPacket): void {
    const { qos, messageId = 0 } = packet;
    const isKnown = qos === 2 && this.#taken.has(messageId);
    if (qos === 2) this.#taken.add(messageId);
    if (!isKnown) this.onMessage(packet);
    if (qos > 0) this.#say({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId });
  }

  #say(packet: Packet): void {
    if (this.#isConnected && this.#socket?.writable) this.#socket.write(generate(packet));
  }

  #nextId(): number {
    do this.#lastId = 1 + (this.#lastId % MESSAGE_IDS);
    while (this.#sent.has(this.#lastId));
    return this.#lastId;
  }
}
