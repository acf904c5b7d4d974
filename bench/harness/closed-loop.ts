/**
 * The load: a closed loop of clients, each of which sends its next request when it has the answer to the last. So
 * what is measured is the rate at which a server answers when it always has something to do.
 */
import type { ServerProcess } from './server-process.ts';

export interface ClosedLoop<Job> {
  readonly server: ServerProcess;
  readonly clients: number;
  /** Sent before anything is timed, over the same connections where they are kept: open, and warm. */
  readonly runIn: readonly Job[];
  readonly jobs: readonly Job[];
  /** One request and its answer; rejects where the answer is wrong, which ends the measurement. */
  readonly perform: (job: Job) => Promise<void>;
  readonly signal: AbortSignal;
}

/** One round. */
export interface Sample {
  readonly perSecond: number;
  /** Processor time of the server, for one request. */
  readonly cpuMilliseconds: number;
  /** The same of the thread that runs its event loop alone. */
  readonly loopMilliseconds: number;
  /** The share of the time in which the server had its core. */
  readonly serverBusy: number;
  /** The same of the load: near 1, it is the load that was measured. */
  readonly loadBusy: number;
  /** In ms, of each request. */
  readonly latencies: readonly number[];
}

export async function runClosedLoop<Job>({ runIn, jobs, ...loop }: ClosedLoop<Job>): Promise<Sample> {
  const { server } = loop;
  await performAll(loop, runIn);
  const [before, ownBefore, start] = [server.usage(), process.cpuUsage(), performance.now()];
  const latencies = await performAll(loop, jobs);
  const seconds = (performance.now() - start) / 1_000;
  const [after, own] = [server.usage(), process.cpuUsage(ownBefore)];
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    perSecond: jobs.length / seconds,
    cpuMilliseconds: (cpuSeconds * 1_000) / jobs.length,
    loopMilliseconds: ((after.loopSeconds - before.loopSeconds) * 1_000) / jobs.length,
    serverBusy: cpuSeconds / seconds,
    loadBusy: (own.user + own.system) / 1e6 / seconds,
    latencies,
  };
}

/** @returns the latency of each, in ms */
async function performAll<Job>(
  { clients, perform, signal }: Omit<ClosedLoop<Job>, 'runIn' | 'jobs'>,
  jobs: readonly Job[],
): Promise<number[]> {
  const latencies: number[] = [];
  const waiting = jobs.values();
  const client = async () => {
    // All clients take from the one iterator.
    for (const job of waiting) {
      signal.throwIfAborted();
      const start = performance.now();
      await perform(job);
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return latencies;
}
