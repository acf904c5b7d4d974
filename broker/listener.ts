/**
 * A TLS listener: TLS 1.2 and 1.3, a certificate asked of every client.
 *
 * `rejectUnauthorized` is false so that the broker itself refuses, and can say whom and why: Node would drop a
 * peer whose chain does not verify without an alert, and keep its certificate from us. Node calls such a socket
 * unauthorized; `verifyPeer` lets none of them past.
 *
 * Sockets are accepted apart from TLS, and wait for their turn unread: one that waits costs no handshake's memory.
 */
import {
  type AddressInfo,
  createServer as createAcceptor,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { listenFailure } from '../runtime/listen-failure.ts';
import type { Logger } from '../runtime/log.ts';
import type { SettingName } from '../runtime/settings.ts';
import { addressOf } from './front/peer-address.ts';
import { RefusalLog } from './front/refusal-log.ts';
import { socketName } from './front/socket-name.ts';
import type { WaitingLine } from './front/waiting-line.ts';
import { describeHandshakeFailure, isGone } from './handshake-failure.ts';
import type { BrokerLimits } from './limits.ts';
import type { BrokerMetrics } from './metrics.ts';
import type { Refusals } from './reports/refusals.ts';

/** Finds peers that vanished without a word, where MQTT's own keep-alive is switched off. */
const TCP_KEEPALIVE_MS = 60_000;
/** Connections that the kernel keeps until they are accepted. Where it drops one, the peer tries again a second later. */
const BACKLOG = 4_096;

export interface ListenerOptions {
  /** Key, certificate and trust anchors. */
  readonly context: TlsOptions;
  /** What is spoken here, by its name in ALPN (RFC 7301). */
  readonly protocol: 'mqtt' | 'http/1.1';
  readonly limits: BrokerLimits;
  readonly metrics: BrokerMetrics;
  readonly log: Logger;
  readonly refusals: Pick<Refusals, 'ofHandshake'>;
  readonly line: WaitingLine;
  /** Whatever is connected, to this listener or another, be it before, during or after the handshake. */
  readonly sockets: Set<Socket>;
  /** Called after the handshake. */
  readonly onConnection: (socket: TLSSocket) => void;
}

export class Listener {
  /** To give it another secure context. */
  readonly server: Server;
  readonly #acceptor: TcpServer;
  readonly #options: ListenerOptions;
  readonly #refusals: RefusalLog;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options.log);
    const { context, protocol, limits, metrics, onConnection } = options;
    this.#acceptor = createAcceptor({
      // Without it every connect waits 40 ms: Nagle against the delayed ACK behind TLS 1.3's tickets.
      noDelay: true,
      pauseOnConnect: true, // TLS reads it, once it is its turn
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
    });
    this.server = createServer({
      ...context,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: [protocol],
      handshakeTimeout: limits.handshakeTime,
    });
    this.#acceptor.on('connection', (socket) => this.#take(socket));
    this.server.on('secureConnection', (socket: TLSSocket) => {
      metrics.handshakeDone(socket.isSessionReused() ? 'resumed' : 'full');
      onConnection(socket);
    });
    this.#reportFailures();
  }

  /**
   * @param port with the setting that it comes from, for the error
   * @returns the port that it really listens on
   * @throws GatehouseError `port_in_use`, `setting_invalid`
   */
  async open(host: string, port: number, setting: SettingName): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#acceptor.once('error', reject);
      this.#acceptor.listen({ port, host, backlog: BACKLOG }, resolve);
    }).catch((error: unknown) => {
      throw listenFailure(error, { host, port, setting });
    });
    this.#acceptor.on('error', (error) => this.#options.log.error({ err: error }, 'a listener failed'));
    return (this.#acceptor.address() as AddressInfo).port;
  }

  /** Takes no more connections; those there are stay. */
  stop(): void {
    this.#acceptor.close();
  }

  #take(socket: Socket): void {
    const { line, sockets, limits } = this.#options;
    const address = addressOf(socket);
    if (address === undefined) {
      socket.destroy(); // gone again
      return;
    }
    if (sockets.size >= limits.connections) {
      this.#turnAway(socket, 'there are as many connections as there may be');
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const begin = () => {
      if (!socket.destroyed) this.server.emit('connection', socket);
    };
    const giveUp = () => this.#turnAway(socket, 'it has waited for its handshake too long');
    const leave = line.join({ address, name: socketName(socket), begin, giveUp });
    if (leave === null) this.#turnAway(socket, 'the line is full');
    else socket.on('close', leave);
  }

  #turnAway(socket: Socket, detail: string): void {
    const address = addressOf(socket);
    socket.destroy();
    this.#refuse({ rule: 'connection_limit', address, detail });
  }

  #reportFailures(): void {
    this.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const address = addressOf(socket);
      socket.destroy(); // Node leaves one open whose handshake took too long
      const { detail, kind } = describeHandshakeFailure(error);
      this.#options.metrics.handshakeFailed(kind);
      this.#refuse({ rule: 'tls_handshake_failed', address, detail }, isGone(error) ? 'debug' : 'warn');
      if (address !== undefined && !isGone(error)) this.#options.refusals.ofHandshake(address, detail);
    });
  }

  #refuse(refusal: Refusal, level?: 'warn' | 'debug'): void {
    this.#options.metrics.refused(refusal.rule);
    this.#refusals.tell(refusal, level);
  }
}

interface Refusal {
  readonly rule: 'connection_limit' | 'tls_handshake_failed';
  readonly address: string | undefined;
  readonly detail?: string;
}
