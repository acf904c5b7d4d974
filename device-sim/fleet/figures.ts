/** What a fleet's run is measured by: counters, failures by code, and the latencies of its messages. */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ErrorCode } from '../../core/errors.ts';

export interface Latency {
  /** Milliseconds from publishing to PUBACK. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export class Figures {
  /** Members that had their certificate already. */
  resumed = 0;
  sent = 0;
  acknowledged = 0;
  /** Messages that were sent and whose connection ended before their acknowledgement. */
  lost = 0;
  /** Things that went wrong and stayed so. */
  readonly failures = new Map<ErrorCode, number>();
  /** Attempts that failed and were made again. */
  readonly retries = new Map<ErrorCode, number>();
  /** An HDR histogram of microseconds, exact to three digits, that does not grow with the number of messages. */
  readonly #latencies: RecordableHistogram = createHistogram({ figures: 3 });

  failed(code: ErrorCode): void {
    count(this.failures, code);
  }

  retried(code: ErrorCode): void {
    count(this.retries, code);
  }

  /** @param latency milliseconds */
  delivered(latency: number): void {
    this.acknowledged += 1;
    this.#latencies.record(Math.max(1, Math.round(latency * 1000)));
  }

  /** Null where nothing was acknowledged. */
  get latency(): Latency | null {
    if (this.acknowledged === 0) return null;
    const percentile = (share: number) => this.#latencies.percentile(share) / 1000;
    return { p50: percentile(50), p95: percentile(95), p99: percentile(99), max: this.#latencies.max / 1000 };
  }
}

function count(counters: Map<ErrorCode, number>, code: ErrorCode): void {
  counters.set(code, (counters.get(code) ?? 0) + 1);
}
