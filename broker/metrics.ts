/** The broker's counters, read at /metrics. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ErrorCode } from '../core/errors.ts';
import { type HandshakeFailureKind, handshakeFailureKinds } from './handshake-failure.ts';

export type DeniedAction = 'publish' | 'subscribe' | 'deliver';

/** Whether all of it was done, or a session of before was taken up (RFC 8446 §2.2). */
export type HandshakeKind = 'full' | 'resumed';

export interface BrokerMetrics {
  connected(): void;
  disconnected(): void;
  /** TLS is done; nothing is said of who it is. */
  handshakeDone(kind: HandshakeKind): void;
  handshakeFailed(reason: HandshakeFailureKind): void;
  admitted(): void;
  refused(rule: ErrorCode): void;
  denied(action: DeniedAction, rule: ErrorCode): void;
  messageIn(): void;
  messageOut(): void;
  /** Messages that were dropped because too much waited for their receiver. */
  queueOverflow(count: number): void;
  throttled(): void;
  cutOff(rule: ErrorCode): void;
  /** @param milliseconds from the end of the right to be connected until the socket was closed */
  cutOffLatency(milliseconds: number): void;
}

export function createBrokerMetrics(registry: Registry): BrokerMetrics {
  const registers = [registry];
  const connections = new Gauge({
    name: 'gatehouse_broker_connections',
    help: 'Sessions that are connected now',
    registers,
  });
  const handshakes = new Counter({
    name: 'gatehouse_broker_handshakes_total',
    help: 'TLS handshakes that were done: in full, or by a session that was resumed',
    labelNames: ['kind'],
    registers,
  });
  for (const kind of ['full', 'resumed'] satisfies HandshakeKind[]) handshakes.inc({ kind }, 0);
  const failedHandshakes = new Counter({
    name: 'gatehouse_broker_handshakes_failed_total',
    help: 'TLS handshakes that failed, by reason',
    labelNames: ['reason'],
    registers,
  });
  // From zero on: a rate knows nothing of a counter that begins with its first event.
  for (const reason of handshakeFailureKinds) failedHandshakes.inc({ reason }, 0);
  const admissions = new Counter({
    name: 'gatehouse_broker_admitted_total',
    help: 'Connections that were admitted',
    registers,
  });
  const refusals = new Counter({
    name: 'gatehouse_broker_refused_total',
    help: 'Connections that were refused, by rule',
    labelNames: ['rule'],
    registers,
  });
  const denials = new Counter({
    name: 'gatehouse_broker_denied_total',
    help: 'Messages and subscriptions that the policy denied, by action and rule',
    labelNames: ['action', 'rule'],
    registers,
  });
  // Counted here, and told when asked: a counter of the library's costs more than all else that is done for a message.
  const passed = { in: 0, out: 0 };
  new Counter({
    name: 'gatehouse_broker_messages_total',
    help: 'Messages that came in from devices, and that went out to them',
    labelNames: ['direction'],
    registers,
    collect() {
      this.reset();
      for (const [direction, count] of Object.entries(passed)) this.inc({ direction }, count);
    },
  });
  const overflows = new Counter({
    name: 'gatehouse_broker_queue_dropped_total',
    help: 'Messages that were dropped because too much waited for their receiver, the oldest first',
    registers,
  });
  const throttles = new Counter({
    name: 'gatehouse_broker_throttled_total',
    help: "Times that a device was held back by its policy's limits",
    registers,
  });
  const cuts = new Counter({
    name: 'gatehouse_broker_cut_off_total',
    help: 'Sessions that the broker ended, by rule',
    labelNames: ['rule'],
    registers,
  });
  const latency = new Histogram({
    name: 'gatehouse_broker_cut_off_seconds',
    help: 'Time from the end of the right to be connected (the journal row of a revocation) to the closed socket',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  return {
    connected: () => connections.inc(),
    disconnected: () => connections.dec(),
    handshakeDone: (kind) => handshakes.inc({ kind }),
    handshakeFailed: (reason) => failedHandshakes.inc({ reason }),
    admitted: () => admissions.inc(),
    refused: (rule) => refusals.inc({ rule }),
    denied: (action, rule) => denials.inc({ action, rule }),
    messageIn: () => {
      passed.in++;
    },
    messageOut: () => {
      passed.out++;
    },
    queueOverflow: (count) => overflows.inc(count),
    throttled: () => throttles.inc(),
    cutOff: (rule) => cuts.inc({ rule }),
    cutOffLatency: (milliseconds) => latency.observe(Math.max(0, milliseconds) / 1_000),
  };
}
