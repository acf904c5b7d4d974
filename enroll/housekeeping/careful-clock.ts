/**
 * The time that housekeeping goes by. What it removes is gone for good, so a clock that runs ahead, by a mistake or by
 * somebody who forges time on the network, must not make it remove what stands: time is believed only as far as the
 * journal's last row from before this start, the time that has passed since, and the least retention vouch for it. All
 * that goes by then has ended, whatever the clock says. A host that was off for longer catches up after its next start.
 */
import type { Clock } from '../../core/clock.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import { LEAST_RETENTION } from '../../runtime/settings.ts';

export interface CarefulClockOptions {
  /** The one that may be wrong. */
  readonly clock: Clock;
  /** ms since the epoch: when this Gatehouse last wrote, before it was started. */
  readonly lastWrite: number;
  /** ms that have passed, by a clock that nobody sets; from any beginning. */
  readonly elapsed?: () => number;
}

export function carefulClock({
  clock,
  lastWrite,
  elapsed = () => performance.now(),
}: CarefulClockOptions): Clock {
  const beginning = elapsed();
  return { now: () => Math.min(clock.now(), lastWrite + LEAST_RETENTION + elapsed() - beginning) };
}

/** ms since the epoch; 0 where nothing was ever written. */
export async function timeOfLastWrite(
  registry: Pick<RegistryReader, 'journal' | 'journalHead'>,
): Promise<number> {
  const [last] = await registry.journal((await registry.journalHead()) - 1, 1);
  return last?.time ?? 0;
}
