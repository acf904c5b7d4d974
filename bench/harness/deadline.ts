/** What a benchmark waits for comes in time, or the benchmark says what did not: it must never hang. */

/** @throws Error naming `what` after so many ms; the reason of `signal` */
export async function within<T>(
  waiting: Promise<T>,
  { ms, what, signal }: { readonly ms: number; readonly what: string; readonly signal: AbortSignal },
): Promise<T> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(signal.aborted ? signal.reason : new Error(`${what} did not come within ${ms / 1_000} s`));
    };
    deadline.addEventListener('abort', giveUp, { once: true });
    waiting.then(resolve, reject).finally(() => deadline.removeEventListener('abort', giveUp));
  });
}
