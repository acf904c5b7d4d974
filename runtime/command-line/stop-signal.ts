/**
 * The ways in which a running command is asked to end, as AbortSignals: signals, and a reader of its output that
 * goes away. The first request asks for a good end, a second signal does not wait for it.
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

/** @param duration milliseconds after which it asks by itself */
export function listenForStop(requests: StopRequests, duration?: number): Stop {
  const [end, force] = [new AbortController(), new AbortController()];
  const timer = duration === undefined ? undefined : setTimeout(() => end.abort(), duration);
  const stopListening = requests((request) => {
    if (!end.signal.aborted) end.abort();
    // A lost reader is lost at every line that is written; nobody insists by it.
    else if (request !== 'lost reader') force.abort();
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
