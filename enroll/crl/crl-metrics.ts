/** What operators are told of the CRLs at /metrics: how old, how long, how long it took, and what went wrong. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import type { Fingerprint } from '../../core/ids.ts';
import type { CrlStore, ListedCrl } from './crl-store.ts';

export interface CrlMetrics {
  /** From its beginning until the lists were served. */
  published(issuer: Fingerprint, seconds: number): void;
  failed(issuer: Fingerprint): void;
}

export interface CrlMetricsOptions {
  readonly registry: Registry;
  readonly store: Pick<CrlStore, 'list'>;
  readonly clock: Clock;
}

export function createCrlMetrics({ registry, store, clock }: CrlMetricsOptions): CrlMetrics {
  const registers = [registry];
  const time = new Histogram({
    name: 'gatehouse_crl_issue_seconds',
    help: 'Time to build, sign and store the CRLs of an issuer',
    labelNames: ['issuer'],
    buckets: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const failures = new Counter({
    name: 'gatehouse_crl_failures_total',
    help: 'CRLs that could not be issued; the last one was served on',
    labelNames: ['issuer'],
    registers,
  });

  /** Asked when somebody looks. Shards are counted by nobody: the full list has everything. */
  const gauge = (name: string, help: string, value: (crl: ListedCrl) => number | null) =>
    new Gauge({
      name,
      help,
      labelNames: ['issuer', 'list'],
      registers,
      async collect() {
        this.reset();
        for (const crl of await store.list()) {
          const amount = crl.part.startsWith('shard-') ? null : value(crl);
          if (amount !== null) this.set({ issuer: crl.issuer, list: crl.part }, amount);
        }
      },
    });
  gauge('gatehouse_crl_number', 'The CRL number', ({ number }) => Number(number));
  gauge(
    'gatehouse_crl_age_seconds',
    'Time since the CRL was issued',
    ({ thisUpdate }) => (clock.now() - thisUpdate) / 1_000,
  );
  gauge(
    'gatehouse_crl_left_seconds',
    'Time until others take the CRL no more',
    ({ nextUpdate }) => (nextUpdate - clock.now()) / 1_000,
  );
  gauge('gatehouse_crl_entries', 'Certificates on the CRL', ({ entries }) => entries);
  gauge('gatehouse_crl_bytes', 'Length of the CRL', ({ bytes }) => bytes);
  return {
    published: (issuer, seconds) => time.observe({ issuer }, seconds),
    failed: (issuer) => failures.inc({ issuer }),
  };
}
