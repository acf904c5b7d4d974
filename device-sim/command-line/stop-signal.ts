/** Ctrl-C, SIGTERM and a terminal that closes, as an AbortSignal: the first asks to end in good order, the second ends the process at once. */
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
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release() {
      clearTimeout(timer);
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
