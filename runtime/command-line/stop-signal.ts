/**
 * The ways in which a running command is asked to end, as AbortSignals: signals, and a reader of its output that
 * goes away. The first request asks for a good end, a second signal does not wait for it.
 *
 * Some signals come twice though they were given once: a terminal sends Ctrl-C to npm and to what npm runs, and npm hands on its
 * own. So the same signal again, right behind the first, is no second one.
 */
import { isLostReader } from './lost-reader.ts';

export type StopRequest = NodeJS.Signals | 'lost reader';

/** Calls `listener` at each request. @returns the function that stops listening */
export type StopRequests = (listener: (request: StopRequest) => void) => () => void;

/** Those that come to this process. */
export function stopRequests(signals: readonly NodeJS.Signals[]): StopRequests {
  return (listener) => {
    const onError = (error: Error) => {
      if (isLostReader(error)) listener('lost reader');
    };
    const streams = [process.stdout, process.stderr];
    for (const name of signals) process.on(name, listener);
    for (const stream of streams) stream.on('error', onError);
    return () => {
      for (const name of signals) process.off(name, listener);
      for (const stream of streams) stream.off('error', onError);
    };
  };
}

export interface Stop {
  /** Asks for the end. */
  readonly signal: AbortSignal;
  /** Asks for the end at once. */
  readonly force: AbortSignal;
  /** Stops listening, so that a finished command leaves nothing behind. */
  release(): void;
}

/** ms within which a signal may come again and be the same one: npm is quick, and its machine may be busy. */
export const SAME_SIGNAL_MS = 1_000;

/**
 * @param duration milliseconds after which it asks by itself
 * @param now ms, of a clock that never goes back
 */
export function listenForStop(
  requests: StopRequests,
  duration?: number,
  now: () => number = () => performance.now(),
): Stop {
  const [end, force] = [new AbortController(), new AbortController()];
  const timer = duration === undefined ? undefined : setTimeout(() => end.abort(), duration);
  let first: { readonly request: StopRequest; readonly at: number } | undefined;
  const stopListening = requests((request) => {
    // A lost reader is lost at every line that is written; nobody insists by it.
    if (request === 'lost reader') return end.abort();
    const isSame = first?.request === request && now() - first.at < SAME_SIGNAL_MS;
    first ??= { request, at: now() };
    if (!end.signal.aborted) end.abort();
    else if (!isSame) force.abort();
  });
  return {
    signal: end.signal,
    force: force.signal,
    release() {
      clearTimeout(timer);
      stopListening();
    },
  };
}
