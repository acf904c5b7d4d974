/** Work that goes on until it is done or the command is asked to end; a second signal ends the process at once. */
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { listenForStop } from '../../runtime/command-line/stop-signal.ts';

/** @param duration milliseconds after which it is asked to end by itself */
export async function untilStopped<Result>(
  { onStopRequest }: CommandIo,
  work: (signal: AbortSignal) => Promise<Result>,
  duration?: number,
): Promise<Result> {
  const { signal, force, release } = listenForStop(onStopRequest, duration);
  force.addEventListener('abort', () => process.exit(1), { once: true });
  try {
    return await work(signal);
  } finally {
    release();
  }
}
