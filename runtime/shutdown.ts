/** Ending cleanly: on SIGINT or SIGTERM, what was opened last is closed first, within a deadline. */
import { SAME_SIGNAL_MS } from './command-line/stop-signal.ts';
import type { Logger } from './log.ts';

const DEADLINE_MS = 10_000;

/** Resources in the order they were opened. */
export class Closers {
  readonly #closers: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];

  add(name: string, close: () => Promise<void> | void): void {
    this.#closers.push({ name, close });
  }

  /** Closes in reverse order; a failure is reported and does not keep the rest open. */
  async closeAll(log: Logger): Promise<void> {
    for (const { name, close } of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        log.error({ err: error, resource: name }, 'did not close cleanly');
      }
    }
  }
}

/**
 * Resolves once SIGINT, SIGTERM or `abort`, with an Error for its reason, has come and everything is closed. A second
 * signal, or the deadline, ends the process at once with code 1. What comes right behind the first is no second one: Ctrl-C in a
 * terminal reaches `gatehouse up` and its children alike, and each of these both by the signal and by the pipe that `up` ends.
 */
export async function untilShutdown(closers: Closers, log: Logger, abort?: AbortSignal): Promise<void> {
  const reason = await new Promise<string>((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
    const onAbort = () => resolve(abort?.reason instanceof Error ? abort.reason.message : 'asked to');
    if (abort?.aborted) onAbort();
    abort?.addEventListener('abort', onAbort, { once: true });
  });
  const since = performance.now();
  log.info({ reason }, 'shutting down');
  const insisted = () => {
    if (performance.now() - since >= SAME_SIGNAL_MS) process.exit(1);
  };
  process.on('SIGINT', insisted).on('SIGTERM', insisted);
  const deadline = setTimeout(() => {
    log.error({ deadlineMs: DEADLINE_MS }, 'shutdown took too long');
    process.exit(1);
  }, DEADLINE_MS);
  await closers.closeAll(log);
  clearTimeout(deadline);
  log.info({ seconds: Math.round(performance.now() - since) / 1_000 }, 'stopped');
}

/**
 * For a process that `gatehouse up` started: aborts when the pipe to it ends, however it ended, so that no
 * child outlives it. Undefined for a process that was started by itself.
 */
export function supervisorGone(): AbortSignal | undefined {
  if (process.env.GATEHOUSE_SUPERVISED !== '1') return undefined;
  const gone = new AbortController();
  const end = () => gone.abort(new Error('gatehouse up ends it, or has ended'));
  process.stdin.once('end', end).once('error', end);
  process.stdin.resume();
  return gone.signal;
}
