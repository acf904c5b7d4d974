/**
 * The MQTT listener: TLS 1.2 and 1.3, a certificate asked of every client.
 *
 * `rejectUnauthorized` is false so that the broker itself refuses, and can say whom and why: Node would drop a
 * peer whose chain does not verify without an alert, and keep its certificate from us. Node calls such a socket
 * unauthorized; `verifyPeer` lets none of them past.
 */
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { listenFailure } from '../runtime/listen-failure.ts';
import type { Logger } from '../runtime/log.ts';
import type { UnprovenSockets } from './front/unproven-sockets.ts';
import type { BrokerLimits } from './limits.ts';
import type { BrokerMetrics } from './metrics.ts';

/** Finds peers that vanished without a word, where MQTT's own keep-alive is switched off. */
const TCP_KEEPALIVE_MS = 60_000;

export interface ListenerOptions {
  /** Key, certificate and trust anchors. */
  readonly context: TlsOptions;
  readonly limits: BrokerLimits;
  readonly metrics: BrokerMetrics;
  readonly log: Logger;
  readonly unproven: UnprovenSockets;
  /** Called after the handshake. */
  readonly onConnection: (socket: TLSSocket) => void;
}

export class Listener {
  /** To give it another secure context. */
  readonly server: Server;
  readonly #options: ListenerOptions;
  /** Whatever is connected, be it before, during or after the handshake. */
  readonly #sockets = new Set<Socket>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { context, limits, onConnection } = options;
    this.server = createServer({
      ...context,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['mqtt'],
      handshakeTimeout: limits.handshakeTime,
      // Without it every connect waits 40 ms: Nagle against the delayed ACK behind TLS 1.3's tickets.
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
    });
    this.server.maxConnections = limits.connections;
    this.server.on('connection', (socket) => this.#take(socket));
    this.server.on('secureConnection', onConnection);
    this.#reportRefusals();
  }

  /** @returns the port that it really listens on @throws GatehouseError `port_in_use`, `setting_invalid` */
  async open(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, resolve);
    }).catch((error: unknown) => {
      throw listenFailure(error, { host, port, setting: 'mqttPort' });
    });
    this.server.on('error', (error) => this.#options.log.error({ err: error }, 'the MQTT listener failed'));
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no more connections; those there are stay. */
  stop(): void {
    this.server.close();
  }

  /** Ends what is still connected. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket): void {
    const { unproven, metrics, log } = this.#options;
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (unproven.enter(address, port)) {
      socket.once('close', () => unproven.leave(address, port));
      return;
    }
    const rule = 'connection_limit';
    metrics.refused(rule);
    log.warn({ rule, address }, 'connection refused');
    socket.destroy();
  }

  #reportRefusals(): void {
    const { metrics, log } = this.#options;
    this.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const { remoteAddress: address } = socket;
      socket.destroy(); // Node leaves one open whose handshake took too long
      const rule = 'tls_handshake_failed';
      metrics.refused(rule);
      // A peer that just went away, such as a port check, is nothing to warn of.
      const level = error.code === 'ECONNRESET' ? 'debug' : 'warn';
      log[level]({ rule, address, detail: error.message }, 'connection refused');
    });
    this.server.on('drop', (peer) => {
      const rule = 'connection_limit';
      metrics.refused(rule);
      log.warn({ rule, address: peer?.remoteAddress }, 'connection refused');
    });
  }
}
