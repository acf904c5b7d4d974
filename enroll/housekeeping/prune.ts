/** What of the registry's rows goes: in small transactions, each with the journal row that tells of it. */
import type { Clock } from '../../core/clock.ts';
import type { Horizon, HousekeepingTransaction } from '../../registry/port/housekeeping.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { Pruned } from '../../registry/records.ts';
import { dropRequest } from '../use-cases/enrolling/file-request.ts';
import type { Pause } from './pace.ts';

export const NOTHING: Pruned = { certificates: 0, tokens: 0, tokenUses: 0, requests: 0 };

/** Rows that go in one transaction: it takes some milliseconds. */
const STEP = 50;

export interface Pruning {
  readonly registry: Registry;
  /** By which requests lapse. */
  readonly clock: Clock;
  /** ms since the epoch: what ended by then goes. */
  readonly before: number;
  /** Ends it between two steps. */
  readonly signal: AbortSignal;
  readonly pause: Pause;
}

/** Certificates that are renewable in the longest grace of any group stay for as long: a device may change its group. */
export async function horizonOf(registry: RegistryReader, before: number): Promise<Horizon> {
  const graces = (await registry.groups()).map(({ renewalGrace }) => renewalGrace);
  return { ended: before, renewable: before - Math.max(0, ...graces) };
}

/** @returns how many */
export function pruneCertificates(pruning: Pruning): Promise<Pruned> {
  return pruneBySteps(pruning, async (transaction, housekeeping) =>
    housekeeping.pruneCertificates(await horizonOf(transaction, pruning.before), STEP),
  );
}

/** @returns how many */
export function pruneTokens(pruning: Pruning): Promise<Pruned> {
  return pruneBySteps(pruning, (_, housekeeping) => housekeeping.pruneTokens(pruning.before, STEP));
}

/** Requests that nobody decided, or fetched, in time; whatever the retention. @returns how many */
export async function dropLapsedRequests({
  registry,
  clock,
  signal,
  pause,
}: Omit<Pruning, 'before'>): Promise<number> {
  let dropped = 0;
  while (!signal.aborted) {
    const since = performance.now();
    const now = clock.now();
    if ((await registry.lapsedRequests(now, 1)).length === 0) break;
    dropped += await registry.write('system', async (transaction) => {
      const lapsed = await transaction.lapsedRequests(now, STEP);
      for (const request of lapsed) await dropRequest(transaction, request);
      return lapsed.length;
    });
    await pause(since, signal);
  }
  return dropped;
}

type PruneStep = (reader: RegistryReader, housekeeping: HousekeepingTransaction) => Promise<Pruned>;

async function pruneBySteps({ registry, before, signal, pause }: Pruning, step: PruneStep): Promise<Pruned> {
  let pruned = NOTHING;
  while (!signal.aborted) {
    const since = performance.now();
    const now = await registry.write('system', async (transaction) => {
      const removed = await step(transaction, transaction.housekeeping);
      if (countOf(removed) > 0) {
        const data = { endedBefore: before, ...removed };
        await transaction.append({ action: 'registry.pruned', subject: 'registry', data });
      }
      return removed;
    });
    pruned = add(pruned, now);
    if (countOf(now) < STEP) break;
    await pause(since, signal);
  }
  return pruned;
}

export function add(one: Pruned, other: Pruned): Pruned {
  return {
    certificates: one.certificates + other.certificates,
    tokens: one.tokens + other.tokens,
    tokenUses: one.tokenUses + other.tokenUses,
    requests: one.requests + other.requests,
  };
}

function countOf({ certificates, tokens, tokenUses, requests }: Pruned): number {
  return certificates + tokens + tokenUses + requests;
}
