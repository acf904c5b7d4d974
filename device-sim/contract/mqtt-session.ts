/**
 * One MQTT 3.1.1 session over mutual TLS, from CONNECT to the end of its connection. It never reconnects by
 * itself: when to try again is the device's decision.
 */
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type IClientOptions, type IConnackPacket, MqttClient } from 'mqtt';
import { connectionLost, Failure } from './failure.ts';
import { Inbox, type MessageHandler } from './inbox.ts';
import { acknowledged, connectFailure } from './mqtt-failure.ts';
import { type TlsIdentity, tlsOptions } from './tls-identity.ts';

const DEFAULT_MQTTS_PORT = 8883;
const CONNECT_TIMEOUT_MS = 15_000;
/** How long a DISCONNECT may take to close the connection. */
const END_TIMEOUT_MS = 2_000;

export interface Will {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface SessionOptions extends TlsIdentity {
  /** `mqtts://host:port` */
  readonly url: string;
  readonly clientId: string;
  readonly will?: Will;
  /** Whether the broker keeps subscriptions and what comes for them while the client is away [MQTT-3.1.2-5]. */
  readonly persistent?: boolean;
  readonly signal?: AbortSignal;
  /** A TLS session to resume, and the only version to speak: for those who test a server. */
  readonly tls?: { readonly session?: Buffer; readonly version?: 'TLSv1.2' | 'TLSv1.3' };
}

export interface Session {
  /** QoS 1: resolves on PUBACK. @throws Failure `connection_lost` */
  publish(topic: string, payload: string, options?: { readonly retain?: boolean }): Promise<void>;
  /** QoS 1: resolves on SUBACK. @throws Failure `subscribe_refused`, `connection_lost` */
  subscribe(filter: string): Promise<void>;
  /** What comes before there is a handler waits for it, unacknowledged. */
  onMessage(handler: MessageHandler): void;
  /** Whether the broker still had the session, with its subscriptions [MQTT-3.2.2-2]. */
  readonly isResumed: boolean;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Says DISCONNECT, so that the broker drops the will. */
  end(): Promise<void>;
  /** Vanishes without a word, as a device does whose power fails. */
  drop(): void;
  /** Whether TLS resumed an earlier session, and the ticket for the next one once the server has sent it. */
  readonly tls: { readonly resumed: boolean; ticket(): Buffer | undefined };
}

/** Resolves on CONNACK 0. @throws Failure */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { url } = options;
  const socket = openSocket(options);
  let ticket: Buffer | undefined;
  socket.on('session', (session) => {
    ticket = session;
  });
  // Not mqtt.connect: it would hide the socket, and with it what TLS has to tell.
  const client = new MqttClient(() => socket, settingsOf(options));
  const inbox = new Inbox(client);
  let gone = false;
  const closed = new Promise<void>((resolve) => {
    client.once('close', () => {
      // mqtt.js keeps what is unacknowledged for a reconnect that never comes: settle those promises.
      for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
      client.end(true);
      gone = true;
      resolve();
    });
  });
  const { sessionPresent } = await untilConnected(client, options);
  // What breaks a live connection closes it too, and `closed` tells.
  client.on('error', () => {});
  return {
    async publish(topic, payload, { retain = false } = {}) {
      if (gone) throw connectionLost(url);
      await acknowledged(client.publishAsync(topic, payload, { qos: 1, retain }), url);
    },
    async subscribe(filter) {
      if (gone) throw connectionLost(url);
      await acknowledged(client.subscribeAsync(filter, { qos: 1 }), url);
    },
    onMessage(handler) {
      inbox.handler = handler;
    },
    isResumed: sessionPresent,
    closed,
    async end() {
      if (gone) return;
      inbox.close();
      const deadline = setTimeout(() => socket.destroy(), END_TIMEOUT_MS);
      client.end();
      await closed;
      clearTimeout(deadline);
    },
    drop() {
      socket.destroy();
    },
    tls: { resumed: socket.isSessionReused(), ticket: () => ticket },
  };
}

function openSocket(options: SessionOptions): TLSSocket {
  const { url, tls } = options;
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const socket = connectTls({
    host,
    port: port === '' ? DEFAULT_MQTTS_PORT : Number(port),
    ...tlsOptions(options),
    // An address is no server name (RFC 6066 §3).
    ...(isIP(host) === 0 && { servername: host }),
    ...(tls?.session && { session: tls.session }),
    ...(tls?.version && { minVersion: tls.version, maxVersion: tls.version }),
  });
  return socket.setNoDelay(true);
}

function settingsOf({ clientId, will, persistent = false }: SessionOptions): IClientOptions {
  return {
    clientId,
    clean: !persistent,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(will && { will: { ...will, payload: Buffer.from(will.payload), qos: 1 } }),
  };
}

/** @throws Failure where CONNACK refuses, TLS fails, or the connection closes before either */
function untilConnected(client: MqttClient, { url, signal }: SessionOptions): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: IConnackPacket | Failure) => {
      client.off('connect', onConnect);
      client.off('error', onError);
      client.off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
      if (!(outcome instanceof Failure)) return resolve(outcome);
      // A late error of a connection that is given up has nobody to tell.
      client.on('error', () => {});
      client.end(true);
      reject(outcome);
    };
    const onConnect = (connack: IConnackPacket) => settle(connack);
    const onError = (error: Error) => settle(connectFailure(error, url));
    const onClose = () => settle(connectionLost(url));
    const onAbort = () => settle(connectionLost(url));
    client.on('connect', onConnect);
    client.on('error', onError);
    client.on('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}
