/** What housekeeping removes, and what that leaves, for Prometheus. */
import { Counter, Gauge, type Registry as MetricsRegistry } from 'prom-client';
import type { Registry } from '../../registry/port/registry.ts';
import type { HousekeepingRun } from './housekeeping.ts';

/** @returns what is to be told of each run */
export function createHousekeepingMetrics(
  metrics: MetricsRegistry,
  registry: Pick<Registry, 'space'>,
): (run: HousekeepingRun) => void {
  const registers = [metrics];
  const removed = new Counter({
    name: 'gatehouse_registry_removed_total',
    help: 'Rows that housekeeping took out of the registry, by their kind',
    labelNames: ['kind'],
    registers,
  });
  const archives = new Counter({
    name: 'gatehouse_journal_archives_total',
    help: 'Archives of the journal that housekeeping wrote',
    registers,
  });
  const failures = new Counter({
    name: 'gatehouse_housekeeping_failures_total',
    help: 'Runs of the housekeeping that did not come to their end',
    registers,
  });
  const free = new Gauge({
    name: 'gatehouse_registry_free_bytes',
    help: "Of the registry's file, what is free and taken by new rows before the file grows",
    registers,
  });
  new Gauge({
    name: 'gatehouse_registry_bytes',
    help: "Size of the registry's file",
    registers,
    async collect() {
      const { bytes, freeBytes } = await registry.space();
      this.set(bytes);
      free.set(freeBytes);
    },
  });
  return ({ pruned, journal, failure }) => {
    for (const [kind, count] of Object.entries({ ...pruned, journalRows: journal.rows }))
      removed.inc({ kind }, count);
    archives.inc(journal.archives);
    if (failure !== null) failures.inc();
  };
}
