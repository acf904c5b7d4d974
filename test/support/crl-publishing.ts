/** A publisher of CRLs with its store and its thread, on a registry and issuing CAs that a test has. */
import { Registry as Metrics } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import type { CrlShards } from '../../core/pki/crl-names.ts';
import { createCrlMetrics } from '../../enroll/crl/crl-metrics.ts';
import { CrlPublisher, type CrlPublisherContext } from '../../enroll/crl/crl-publisher.ts';
import { CrlStore } from '../../enroll/crl/crl-store.ts';
import { CrlThread, type ListBuilder } from '../../enroll/crl/crl-thread-client.ts';
import type { Pace } from '../../enroll/crl/issuer-publisher.ts';
import type { Registry } from '../../registry/port/registry.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/log.ts';

/** What takes seconds where it is in earnest, in a part of one. */
export const QUICK_CRLS: Pace = { urgent: 200, superseded: 60_000, failed: 500 };

export interface Publishing {
  readonly crls: CrlPublisher;
  readonly store: CrlStore;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

export interface PublishingOptions {
  readonly registry: Registry;
  /** The registry's file, for the thread. */
  readonly database: string;
  /** Where lists are kept. */
  readonly folder: string;
  readonly issuing: CrlPublisherContext['issuing'];
  readonly statusUrl: string;
  readonly crlShards?: CrlShards;
  readonly clock?: Clock;
  readonly pace?: Pace;
  /** In place of the thread. */
  readonly builder?: ListBuilder;
}

export async function startPublishing(options: PublishingOptions): Promise<Publishing> {
  const { database, folder, clock = systemClock, builder, ...context } = options;
  const thread = new CrlThread(database);
  const store = await CrlStore.open({ folder, registry: options.registry });
  const registry = new Metrics();
  const crls = await CrlPublisher.start({
    ...context,
    clock,
    store,
    builder: builder ?? thread,
    metrics: createCrlMetrics({ registry, store, clock }),
    log: createLogger('test', { level: 'silent', format: 'json' }),
  });
  return {
    crls,
    store,
    metrics: () => registry.metrics(),
    async close() {
      await crls.close();
      await thread.close();
    },
  };
}
