/** What is kept for devices that are away, read when /metrics is: it fills the disk, and a full disk ends the broker. */
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Gauge, type Registry } from 'prom-client';
import type { BrokerLimits } from './limits.ts';
import type { StoreFigures } from './persistence/guarded-store.ts';

export interface StoreMetricsOptions {
  readonly store: { figures(): StoreFigures };
  /** Sessions that outlive their connection. */
  readonly durable: { readonly count: number };
  /** The session store's; SQLite has its log beside it. */
  readonly file: string;
  readonly limits: Pick<BrokerLimits, 'queuedBytes'>;
}

export function addStoreMetrics(registry: Registry, options: StoreMetricsOptions): void {
  const { store, durable, file, limits } = options;
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: `gatehouse_broker_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.set(await read());
      },
    });
  gauge('durable_sessions', 'Sessions that are kept, connected or not', () => durable.count);
  gauge('queued_messages', 'Messages that wait for durable sessions', () => store.figures().queuedMessages);
  gauge('queued_bytes', 'Bytes of them, in all', () => store.figures().queuedBytes);
  gauge('queued_bytes_limit', 'Bytes from which on the longest queue makes room', () => limits.queuedBytes);
  gauge('retained_messages', 'Retained messages', () => store.figures().retainedMessages);
  gauge('store_bytes', "Size of the session store's file and of its log", async () => {
    const sizes = await Promise.all([file, `${file}-wal`].map(sizeOf));
    return sizes.reduce((sum, size) => sum + size, 0);
  });
  gauge('store_free_bytes', 'Bytes that are free on the disk of the session store', () =>
    freeBytesOf(dirname(file)),
  );
}

/** What its owner may still use. Where the disk does not tell, the other metrics go on. */
async function freeBytesOf(folder: string): Promise<number> {
  return statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Number.NaN,
  );
}

/** The log comes and goes. */
async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
