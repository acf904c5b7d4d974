/**
 * Files with its device that messages for it were dropped, since too much waited for it already. A session that is over its
 * bound loses one with each that comes, thousands a second: so they are gathered for a second, and are one entry then.
 */
import { isDeviceId } from '../../core/ids.ts';
import { deviceOf } from '../client-id.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { Refusals } from './refusals.ts';

const GATHER_MS = 1_000;
/** Sessions within that time; those beyond are in the counter alone. More than the ledger of refusals would keep. */
const MOST_SESSIONS = 2_000;

export interface QueueOverflowsOptions {
  readonly refusals: Pick<Refusals, 'ofOwner'>;
  readonly metrics: Pick<BrokerMetrics, 'queueOverflow'>;
}

export class QueueOverflows {
  readonly #options: QueueOverflowsOptions;
  /** Messages, by client id. */
  readonly #dropped = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: QueueOverflowsOptions) {
    this.#options = options;
  }

  /** @param clientId whose messages they were @param count how many */
  note(clientId: string, count: number): void {
    this.#options.metrics.queueOverflow(count);
    const before = this.#dropped.get(clientId);
    if (before === undefined && this.#dropped.size >= MOST_SESSIONS) return;
    this.#dropped.set(clientId, (before ?? 0) + count);
    this.#timer ??= setTimeout(() => this.#file(), GATHER_MS).unref();
  }

  /** Files what was gathered. */
  close(): void {
    this.#file();
  }

  #file(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const detail = 'the oldest that waited made room, since more came in than the session took';
    for (const [clientId, count] of this.#dropped) {
      const device = deviceOf(clientId);
      const refused = { action: 'deliver', rule: 'queue_full', topic: null, detail } as const;
      if (isDeviceId(device)) this.#options.refusals.ofOwner(device, clientId, refused, count);
    }
    this.#dropped.clear();
  }
}
