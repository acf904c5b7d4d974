/**
 * MQTT in WebSockets (MQTT 3.1.1 §6, RFC 6455): path `/mqtt`, subprotocol `mqtt`, no compression. HTTP is read only once the
 * registry stands behind the peer's certificate, so nobody else gets as far as its parser.
 */
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ErrorCode, errorCatalog, GatehouseError } from '../../core/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { BrokerLimits } from '../limits.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { Arrival } from '../sessions/arrival.ts';
import { addressOf } from './peer-address.ts';
import type { Transport } from './transport.ts';
import { WebSocketStream } from './websocket-stream.ts';

export const WEBSOCKET_PATH = '/mqtt';
const SUBPROTOCOL = 'mqtt';
const MAX_HEADER_BYTES = 8 * 1_024;

export interface WebSocketDoorOptions {
  /** Names of this broker: a web page of another origin may not speak for the certificate in a browser. */
  readonly hostnames: readonly string[];
  readonly limits: Pick<BrokerLimits, 'webSocketMessageBytes'>;
  readonly metrics: BrokerMetrics;
  readonly log: Logger;
}

interface Visitor {
  readonly resolve: (webSocket: WebSocket) => void;
  readonly reject: (status: number, detail: string) => void;
}

export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #visitors = new WeakMap<Duplex, Visitor>();
  /** It listens to no port: it is given connections. */
  readonly #http = createServer({ maxHeaderSize: MAX_HEADER_BYTES });
  readonly #webSockets: WebSocketServer;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: options.limits.webSocketMessageBytes,
      handleProtocols: () => SUBPROTOCOL, // [MQTT-6.0.0-4]
    });
    const refuse = (socket: Duplex, status: number, detail: string) =>
      this.#visitors.get(socket)?.reject(status, detail);
    this.#webSockets.on('wsClientError', (error, socket) => refuse(socket, 400, error.message));
    this.#http
      .on('request', ({ socket }) => refuse(socket, 426, 'no WebSocket is asked for'))
      .on('clientError', (error, socket) => refuse(socket, 400, error.message))
      .on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  transport(socket: TLSSocket): Transport {
    let stream: Duplex | null = null;
    let status = 403;
    return {
      socket,
      get stream() {
        return stream;
      },
      refusal: (rule) => httpRefusal(status, rule),
      open: async (arrival) => {
        stream = await this.#open(socket, arrival, (refusedWith) => {
          status = refusedWith;
        });
        return stream;
      },
    };
  }

  #open(socket: TLSSocket, arrival: Arrival, onRefusal: (status: number) => void): Promise<WebSocketStream> {
    const onViolation = (detail: string) => this.#noteViolation(socket, detail);
    const opening = new Promise<WebSocketStream>((resolve, reject) => {
      this.#visitors.set(socket, {
        // At once, and not where it is waited for: frames that came right behind the request are read before any promise goes
        // on, and an error in them that nobody listens for would end the process.
        resolve: (webSocket) => resolve(new WebSocketStream({ webSocket, onViolation })),
        reject: (status, detail) => {
          onRefusal(status);
          reject(new GatehouseError('websocket_refused', detail));
        },
      });
    });
    if (arrival.reason === null) this.#http.emit('connection', socket);
    return arrival.unlessEnded(opening);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const visitor = this.#visitors.get(socket);
    if (visitor === undefined) return void socket.destroy();
    const flaw = this.#flawOf(request);
    if (flaw !== null) visitor.reject(...flaw);
    else this.#webSockets.handleUpgrade(request, socket, head, visitor.resolve);
  }

  /** HTTP status and what is wrong, or null. */
  #flawOf({ url = '', headers }: IncomingMessage): readonly [status: number, detail: string] | null {
    if (url.split('?', 1)[0] !== WEBSOCKET_PATH) return [404, `the path is not ${WEBSOCKET_PATH}`];
    const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    // [MQTT-6.0.0-3]
    if (!offered.includes(SUBPROTOCOL)) return [400, `the subprotocol ${SUBPROTOCOL} is not offered`];
    if (headers.origin !== undefined && !this.#isOwn(headers.origin))
      return [403, 'a web page of another origin'];
    return null;
  }

  #isOwn(origin: string): boolean {
    if (!URL.canParse(origin)) return false;
    const hostname = new URL(origin).hostname.replace(/^\[|\]$/g, '');
    return this.#options.hostnames.includes(hostname);
  }

  #noteViolation(socket: TLSSocket, detail: string): void {
    const { metrics, log } = this.#options;
    const rule = 'websocket_refused';
    metrics.cutOff(rule);
    log.warn({ rule, address: addressOf(socket), detail }, 'session cut off');
  }
}

function httpRefusal(status: number, rule: ErrorCode): Buffer {
  const { title, remedy } = errorCatalog[rule];
  const text = `${rule}: ${title}. ${remedy}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(status === 426 ? ['Upgrade: websocket'] : []),
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`);
}
