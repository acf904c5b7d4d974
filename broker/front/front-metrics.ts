/** How much of what the broker takes on is taken, read when /metrics is: at the limit, newcomers are turned away. */
import { Gauge, type Registry } from 'prom-client';
import type { BrokerLimits } from '../limits.ts';
import type { LineFigures } from './waiting-line.ts';

export interface FrontMetricsOptions {
  readonly line: { figures(): LineFigures };
  /** Whoever is connected, whatever their state. */
  readonly doors: { readonly connections: number };
  readonly limits: Pick<BrokerLimits, 'connections' | 'waiting' | 'unproven'>;
}

export function addFrontMetrics(registry: Registry, { line, doors, limits }: FrontMetricsOptions): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `gatehouse_broker_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  const bounded = (name: string, help: string, read: () => number, limit: number) => {
    gauge(name, help, read);
    gauge(`${name}_limit`, `As many as there may be of gatehouse_broker_${name}`, () => limit);
  };
  bounded(
    'open_connections',
    'Connections in all, whatever their state',
    () => doors.connections,
    limits.connections,
  );
  bounded(
    'waiting_connections',
    'Connections that wait for their TLS handshake to begin',
    () => line.figures().waiting,
    limits.waiting,
  );
  bounded(
    'unproven_connections',
    'Connections whose TLS handshake has begun, and which are not known to be of a device yet',
    () => line.figures().unproven,
    limits.unproven,
  );
  gauge(
    'longest_wait_seconds',
    'How long the first of those that wait for their TLS handshake has waited',
    () => line.figures().longestWait / 1_000,
  );
}
