/**
 * Publishing at a fixed rate over the whole fleet, member after member. The pace follows the clock and not the
 * acknowledgements, so that a slow broker shows in the latencies instead of slowing its own measurement down.
 */
import type { Sleep } from '../device/sleep.ts';
import type { Stopwatch } from './phase.ts';

/** How often messages that have become due are sent. */
const TICK_MS = 5;
/** Messages of one member that may await their acknowledgement; beyond it, the member is passed over. */
const MAX_IN_FLIGHT = 64;

export interface Publisher {
  /** Whether it is connected. */
  readonly online: boolean;
  /** Messages sent and not yet acknowledged. */
  readonly inFlight: number;
  /** Sends one message; the outcome is the publisher's own affair. */
  publish(): void;
}

export interface TrafficOptions {
  readonly publishers: readonly Publisher[];
  /** Messages per second, of all publishers together. */
  readonly rate: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly stopwatch: Stopwatch;
  readonly sleep: Sleep;
  readonly signal: AbortSignal;
}

export interface Traffic {
  /** Milliseconds of traffic, less than asked for where it was ended early. */
  readonly elapsed: number;
  /** Messages that were due and that no publisher could take. */
  readonly heldBack: number;
}

export async function publishAtRate(options: TrafficOptions): Promise<Traffic> {
  const { rate, duration, stopwatch, sleep, signal } = options;
  const next = roundRobin(options.publishers);
  const begun = stopwatch();
  let handled = 0;
  let heldBack = 0;
  for (;;) {
    const elapsed = Math.min(stopwatch() - begun, duration);
    const due = Math.floor((elapsed / 1000) * rate);
    for (; handled < due; handled += 1) {
      const publisher = next();
      if (publisher === undefined) heldBack += 1;
      else publisher.publish();
    }
    if (elapsed >= duration || signal.aborted) return { elapsed, heldBack };
    await sleep(TICK_MS, signal);
  }
}

/** The next publisher that can take a message; undefined where none can. */
function roundRobin(publishers: readonly Publisher[]): () => Publisher | undefined {
  let position = 0;
  return () => {
    for (let tried = 0; tried < publishers.length; tried += 1) {
      const publisher = publishers[position];
      position = (position + 1) % publishers.length;
      if (publisher?.online && publisher.inFlight < MAX_IN_FLIGHT) return publisher;
    }
    return undefined;
  };
}
