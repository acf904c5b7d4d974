/**
 * The ways in which a running command is asked to end, as one AbortSignal: Ctrl-C, SIGTERM, a terminal that closes,
 * a reader of its output that goes away. A second Ctrl-C ends the process at once.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal {
  readonly signal: AbortSignal;
  /** Stops listening, so that a finished command leaves nothing behind. */
  release(): void;
}

/** @param duration milliseconds after which it aborts by itself */
export function listenForStop(duration?: number): StopSignal {
  const controller = new AbortController();
  const timer = duration === undefined ? undefined : setTimeout(() => controller.abort(), duration);
  const onSignal = (name: NodeJS.Signals) => {
    if (name === 'SIGINT' && controller.signal.aborted) process.exit(1);
    controller.abort();
  };
  const onLostReader = () => controller.abort();
  const streams = [process.stdout, process.stderr];
  for (const name of SIGNALS) process.on(name, onSignal);
  for (const stream of streams) stream.on('error', onLostReader);
  return {
    signal: controller.signal,
    release() {
      clearTimeout(timer);
      for (const name of SIGNALS) process.off(name, onSignal);
      for (const stream of streams) stream.off('error', onLostReader);
    },
  };
}
