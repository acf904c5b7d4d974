/** A client that says exactly the bytes it is told to, and remembers what it hears. */
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { eventually } from '../support/eventually.ts';
import type { Identity } from './authority.ts';
import type { Fleet } from './fleet.ts';

export interface RawOptions extends ConnectionOptions {
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
  /** The address that it comes from. */
  readonly localAddress?: string;
  /** Whether its own side stays open when the broker closes its. */
  readonly allowHalfOpen?: boolean;
}

export class RawClient {
  readonly socket: TLSSocket;
  #received: Buffer = Buffer.alloc(0);
  #closed = false;
  #ticket: Buffer | undefined;
  /** Whether TLS resumed an earlier session. */
  resumed = false;
  /** OpenSSL's or Node's code where the connection failed. */
  error: string | undefined;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on('session', (session) => {
      this.#ticket = session;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  /** Resolves after the handshake, as the client sees it. */
  static async open(
    fleet: Pick<Fleet, 'port' | 'ca'>,
    identity: Identity | null,
    options: RawOptions = {},
  ): Promise<RawClient> {
    const { version, ...rest } = options;
    const socket = connect({
      port: fleet.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: fleet.ca,
      ...(identity && { key: identity.key, cert: identity.chain }),
      ...(version && { minVersion: version, maxVersion: version }),
      ...rest,
    });
    const client = new RawClient(socket);
    await once(socket, 'secureConnect');
    client.resumed = socket.isSessionReused();
    return client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get received(): Buffer {
    return this.#received;
  }

  /** The TLS session to resume: in TLS 1.3 the server sends it when it likes. */
  ticket(): Promise<Buffer> {
    return eventually(() => this.#ticket);
  }

  send(...pieces: (Buffer | Packet)[]): void {
    for (const piece of pieces) this.socket.write(Buffer.isBuffer(piece) ? piece : generate(piece));
  }

  /** The return code of CONNACK; `closed` where the connection ended without one. */
  async connack(): Promise<number | 'closed'> {
    await eventually(() => this.#received.length >= 4 || this.#closed);
    if (this.#received.length < 4) return 'closed';
    if (this.#received[0] !== 0x20) throw new Error(`not CONNACK: ${this.#received.toString('hex')}`);
    return this.#received.readUInt8(3);
  }

  /** Resolves when the connection has ended. */
  async untilClosed(within?: number): Promise<void> {
    await eventually(() => this.#closed, within);
  }

  /** Says DISCONNECT. */
  async end(): Promise<void> {
    if (!this.#closed) this.socket.end(generate({ cmd: 'disconnect' }));
    await this.untilClosed();
  }
}

export function connectPacket(clientId: string, rest: Partial<IConnectPacket> = {}): Packet {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId,
    ...rest,
  };
}

/** Connects, says CONNECT, and tells what CONNACK says. */
export async function attempt(
  fleet: Fleet,
  identity: Identity | null,
  clientId: string,
  options: RawOptions = {},
): Promise<number | 'closed'> {
  const client = await RawClient.open(fleet, identity, options);
  client.send(connectPacket(clientId));
  const answer = await client.connack();
  client.socket.destroy();
  return answer;
}

/** All that it has been sent, as packets; the last may still be coming. */
export function packetsIn(client: RawClient): Packet[] {
  const found: Packet[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on('packet', (packet) => found.push(packet));
  reading.parse(client.received);
  return found;
}

export function publishedIn(client: RawClient): IPublishPacket[] {
  return packetsIn(client).filter((packet) => packet.cmd === 'publish');
}
