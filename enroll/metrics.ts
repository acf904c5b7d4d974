/** The counters of the enroll process, read by operators at /metrics. */
import { Counter, type Registry as MetricsRegistry } from 'prom-client';
import type { Registry } from '../registry/port/registry.ts';
import { createMetricsRegistry } from '../runtime/metrics.ts';
import type { HousekeepingRun } from './housekeeping/housekeeping.ts';
import { createHousekeepingMetrics } from './housekeeping/metrics.ts';

export interface EnrollMetrics {
  /** An enrollment that succeeded; `created` is false where the certificate was given again. */
  enrolled(created: boolean): void;
  /** A request to enroll that an operator has not decided yet, each time that it is asked. */
  awaiting(): void;
  /** A renewal that succeeded. */
  renewed(created: boolean): void;
  /** A request to the device listener that was refused, by the code of the error table. */
  refused(rule: string): void;
  /** For what counts by itself. */
  readonly registry: MetricsRegistry;
  /** A run of the housekeeping. */
  housekept(run: HousekeepingRun): void;
  readonly contentType: string;
  text(): Promise<string>;
}

/** @param kept of which it is told how large it is */
export function createEnrollMetrics(kept: Pick<Registry, 'space'>): EnrollMetrics {
  const registry = createMetricsRegistry();
  const enrollments = new Counter({
    name: 'gatehouse_enroll_enrollments_total',
    help: 'Certificates handed out: new ones, and ones that were given again',
    labelNames: ['result'],
    registers: [registry],
  });
  const waits = new Counter({
    name: 'gatehouse_enroll_awaiting_total',
    help: 'Requests to enroll that were told to wait for an operator',
    registers: [registry],
  });
  const renewals = new Counter({
    name: 'gatehouse_enroll_renewals_total',
    help: 'Certificates handed out that renew another: new ones, and ones that were given again',
    labelNames: ['result'],
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'gatehouse_enroll_refused_total',
    help: 'Requests of devices that were refused, by the rule that refused',
    labelNames: ['rule'],
    registers: [registry],
  });
  return {
    enrolled: (created) => enrollments.inc({ result: created ? 'created' : 'repeated' }),
    awaiting: () => waits.inc(),
    renewed: (created) => renewals.inc({ result: created ? 'created' : 'repeated' }),
    refused: (rule) => refusals.inc({ rule }),
    registry,
    housekept: createHousekeepingMetrics(registry, kept),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
