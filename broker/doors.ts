/** The ways in: MQTT on TLS, and in WebSockets on it where a port is set for them. What holds for one holds for both. */
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Logger } from '../runtime/log.ts';
import type { SecureContextSource } from '../runtime/secure-context.ts';
import { advertisedHost, type Settings } from '../runtime/settings.ts';
import { plainTransport, type Transport } from './front/transport.ts';
import type { WaitingLine } from './front/waiting-line.ts';
import { WEBSOCKET_PATH, WebSocketDoor } from './front/websocket-door.ts';
import type { BrokerLimits } from './limits.ts';
import { Listener } from './listener.ts';
import type { BrokerMetrics } from './metrics.ts';
import type { Refusals } from './reports/refusals.ts';

export interface DoorsOptions {
  readonly settings: Settings;
  readonly secureContext: SecureContextSource;
  /** What `secureContext` has read. */
  readonly context: TlsOptions;
  readonly refusals: Pick<Refusals, 'ofHandshake'>;
  readonly line: WaitingLine;
  readonly limits: BrokerLimits;
  readonly metrics: BrokerMetrics;
  readonly log: Logger;
  /** Called after each handshake. */
  readonly receive: (transport: Transport) => void;
}

export interface DoorAddresses {
  readonly mqttUrl: string;
  /** Where there is one. */
  readonly wssUrl?: string;
}

export class Doors {
  readonly #options: DoorsOptions;
  readonly #sockets = new Set<Socket>();
  readonly #mqtt: Listener;
  readonly #webSocket: Listener | null;
  #endWatching: (() => void)[] = [];

  constructor(options: DoorsOptions) {
    this.#options = options;
    const { settings, limits, metrics, log } = options;
    this.#mqtt = this.#listener('mqtt', plainTransport);
    const door = new WebSocketDoor({ hostnames: settings.hostname, limits, metrics, log });
    this.#webSocket =
      settings.wssPort === undefined ? null : this.#listener('http/1.1', (socket) => door.transport(socket));
  }

  /** @throws GatehouseError `port_in_use`, `setting_invalid` */
  async open(): Promise<DoorAddresses> {
    const { settings, secureContext } = this.#options;
    const { host, mqttPort, wssPort } = settings;
    this.#endWatching = this.#listeners.map(({ server }) => secureContext.watch(server));
    const name = advertisedHost(settings);
    const mqttUrl = `mqtts://${name}:${await this.#mqtt.open(host, mqttPort, 'mqttPort')}`;
    if (this.#webSocket === null || wssPort === undefined) return { mqttUrl };
    const port = await this.#webSocket.open(host, wssPort, 'wssPort');
    return { mqttUrl, wssUrl: `wss://${name}:${port}${WEBSOCKET_PATH}` };
  }

  /** Takes key, certificate and trust anchors anew, without dropping anyone. */
  async reload(): Promise<void> {
    for (const { server } of this.#listeners) await this.#options.secureContext.reload(server);
  }

  /** Lets nobody in any more; those there are stay. */
  stop(): void {
    for (const end of this.#endWatching) end();
    for (const listener of this.#listeners) listener.stop();
  }

  /** Connections, whatever their state. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Ends what is still connected, whatever its state. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  get #listeners(): readonly Listener[] {
    return this.#webSocket === null ? [this.#mqtt] : [this.#mqtt, this.#webSocket];
  }

  #listener(
    protocol: 'mqtt' | 'http/1.1',
    toTransport: (socket: Transport['socket']) => Transport,
  ): Listener {
    const { context, refusals, line, limits, metrics, log, receive } = this.#options;
    return new Listener({
      ...{ context, protocol, refusals, line, limits, metrics, log, sockets: this.#sockets },
      onConnection: (socket) => receive(toTransport(socket)),
    });
  }
}
