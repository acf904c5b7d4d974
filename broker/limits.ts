/**
 * What a peer may cost the broker, in time, memory and number. Some are for the operator to say (limit-choices.ts). Tests give
 * shorter times.
 */
import { REPORT_INTERVAL_MS } from '../registry/last-sighting.ts';
import { limitSettings } from '../runtime/limit-settings.ts';

export interface BrokerLimits {
  /** ms for the TLS handshake, from its beginning. */
  readonly handshakeTime: number;
  /** ms for each step between the handshake and CONNACK: CONNECT, the registry, the hand-over to Aedes. */
  readonly admissionTime: number;
  /** ms that a peer that is refused may take, to speak first and then to go. */
  readonly refusalTime: number;
  /** Bytes of the whole CONNECT packet, a will included. */
  readonly connectBytes: number;
  /** Bytes of one WebSocket message, all of its frames together. */
  readonly webSocketMessageBytes: number;
  /** Connections in all, whatever their state. */
  readonly connections: number;
  /** TLS handshakes that began within the last second and have not led to a certificate that the registry stands behind. */
  readonly handshakes: number;
  /** Those of one address, or of one /64 of IPv6. */
  readonly handshakesPerAddress: number;
  /** Connections that the registry does not stand behind, from the beginning of the handshake, however long ago that was. */
  readonly unproven: number;
  /** Those of one address, or of one /64 of IPv6. */
  readonly unprovenPerAddress: number;
  /** Connections a second that may end without it; ten seconds' worth may at once. Beyond that newcomers wait. */
  readonly failuresPerSecond: number;
  /** Those of one address, or of one /64 of IPv6. */
  readonly failuresPerSecondPerAddress: number;
  /**
   * Connections that wait for their handshake to begin. Newcomers beyond that are turned away; from half of it on, so are
   * those of a network of which many wait.
   */
  readonly waiting: number;
  /** Those of one address, or of one /64 of IPv6. */
  readonly waitingPerAddress: number;
  /** ms that one of them may wait. */
  readonly waitingTime: number;
  /** Times a second that one device may connect; a minute's worth may come at once. */
  readonly connectsPerSecond: number;
  /** Sessions of one device: live ones and stored ones, one for each client id. As many connections may arrive. */
  readonly sessionsPerDevice: number;
  /** Topic filters of one session, each counted once. */
  readonly subscriptionsPerSession: number;
  /** Retained messages of one device. */
  readonly retainedMessages: number;
  /** Bytes of them, topics and what it takes to find them included. */
  readonly retainedBytes: number;
  /** Messages of QoS 2 that a session has sent and not released. */
  readonly halfReceived: number;
  /** Messages that wait for a durable session; the oldest make room for the newest. */
  readonly queueMessages: number;
  /** Bytes of them. */
  readonly queueBytes: number;
  /** Bytes that wait for all durable sessions together; whoever has most makes room. */
  readonly queuedBytes: number;
  /** Messages that wait for a clean session, in memory; the oldest make room for the newest. */
  readonly waitingMessages: number;
  /** Bytes of them. */
  readonly waitingBytes: number;
  /** Messages of QoS 1 and 2 that a session was sent and has not acknowledged. */
  readonly sentMessages: number;
  /** Bytes of them; a single message may be larger. */
  readonly sentBytes: number;
  /** ms for which a device may be held back on end for sending more than its policy lets it, before it is cut off. */
  readonly throttleTime: number;
  /** ms that a subscriber which does not read, or acknowledge, may hold up those who publish to it. */
  readonly drainTime: number;
  /** ms that one that has said DISCONNECT may take to hear the last of it and to close the connection. */
  readonly farewellTime: number;
  /** ms from one report to enroll to the next, while there is always something to tell; the first goes within a second. */
  readonly reportInterval: number;
  /** ms that the journal may go unread before nobody is admitted any more. */
  readonly journalSilence: number;
  /** ms that it may go unread before every session is ended, since none can be told from one that was revoked. */
  readonly journalLoss: number;
}

export const defaultLimits: BrokerLimits = {
  handshakeTime: 30_000,
  admissionTime: 10_000,
  refusalTime: 2_000,
  connectBytes: 64 * 1024,
  webSocketMessageBytes: 1024 * 1024,
  connections: limitSettings.maxConnections.default,
  handshakes: limitSettings.maxHandshakes.default,
  handshakesPerAddress: limitSettings.maxHandshakesPerAddress.default,
  unproven: 10_000,
  unprovenPerAddress: limitSettings.maxUnprovenPerAddress.default,
  failuresPerSecond: 1_000,
  failuresPerSecondPerAddress: limitSettings.maxFailuresPerAddress.default,
  waiting: limitSettings.maxWaiting.default,
  waitingPerAddress: limitSettings.maxWaitingPerAddress.default,
  waitingTime: 120_000,
  connectsPerSecond: 10,
  sessionsPerDevice: 32,
  subscriptionsPerSession: 100,
  retainedMessages: 1_000,
  retainedBytes: 1024 * 1024,
  halfReceived: 256,
  queueMessages: limitSettings.maxQueueMessages.default,
  queueBytes: limitSettings.maxQueueSize.default,
  queuedBytes: limitSettings.maxQueuedSize.default,
  waitingMessages: 10_000,
  waitingBytes: limitSettings.maxCleanQueueSize.default,
  sentMessages: 512,
  sentBytes: 1024 * 1024,
  throttleTime: 300_000,
  drainTime: 5_000,
  farewellTime: 1_000,
  reportInterval: REPORT_INTERVAL_MS,
  journalSilence: 5_000,
  journalLoss: 60_000,
};
