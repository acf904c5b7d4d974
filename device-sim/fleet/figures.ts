/** What a fleet's run is measured by: counters, failures by code, and how long things took. */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ErrorCode } from '../../core/errors.ts';

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Durations in an HDR histogram of microseconds, exact to three digits, that does not grow with their number. */
class Durations {
  readonly #histogram: RecordableHistogram = createHistogram({ figures: 3 });
  count = 0;

  /** @param duration milliseconds */
  record(duration: number): void {
    this.count += 1;
    this.#histogram.record(Math.max(1, Math.round(duration * 1000)));
  }

  /** Null where nothing was recorded. */
  get summary(): Latency | null {
    if (this.count === 0) return null;
    const percentile = (share: number) => this.#histogram.percentile(share) / 1000;
    return { p50: percentile(50), p95: percentile(95), p99: percentile(99), max: this.#histogram.max / 1000 };
  }
}

/** Counts by code. */
export type Counters = Map<ErrorCode, number>;

export class Figures {
  /** Members that had their certificate already. */
  resumed = 0;
  sent = 0;
  /** Messages that were sent and whose connection ended before their acknowledgement. */
  lost = 0;
  /** Things that went wrong and stayed so. */
  readonly failures: Counters = new Map();
  /** Attempts that failed and were made again. */
  readonly retries: Counters = new Map();
  /** Certificates that were renewed. */
  renewed = 0;
  /** Attempts to renew that failed, whatever came of them. */
  readonly renewalRetries: Counters = new Map();
  /** Members whose latest attempt to renew failed, and was not made good. */
  readonly unrenewed = new Set<string>();
  readonly #latencies = new Durations();
  readonly #absences = new Durations();

  failed(code: ErrorCode): void {
    count(this.failures, code);
  }

  retried(code: ErrorCode): void {
    count(this.retries, code);
  }

  /** @param latency milliseconds from publishing to PUBACK */
  delivered(latency: number): void {
    this.#latencies.record(latency);
  }

  /** @param absence milliseconds from when a member took no more messages to when it did again, with its new certificate */
  switched(absence: number): void {
    this.#absences.record(absence);
  }

  renewalFailed(member: string, code: ErrorCode): void {
    this.unrenewed.add(member);
    count(this.renewalRetries, code);
  }

  renewalDone(member: string): void {
    this.unrenewed.delete(member);
    this.renewed += 1;
  }

  get acknowledged(): number {
    return this.#latencies.count;
  }

  get latency(): Latency | null {
    return this.#latencies.summary;
  }

  get absence(): Latency | null {
    return this.#absences.summary;
  }
}

function count(counters: Counters, code: ErrorCode): void {
  counters.set(code, (counters.get(code) ?? 0) + 1);
}
