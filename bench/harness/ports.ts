/** For peers that take a port by its number only: a free one, and when they listen on it. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

const START_TIMEOUT_MS = 60_000;
const ASK_AGAIN_MS = 50;

/**
 * Ports that no system gives to whoever asks for any, for itself or for a connection that it opens: what was free a moment
 * ago is taken by nobody who did not mean this one.
 */
const [LOWEST, HIGHEST] = [20_000, 32_000];

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}

/** Rejects where the process ends, or does not listen in time. */
export async function untilListening(
  port: number,
  { failed }: ServerProcess,
  signal: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  while (!(await Promise.race([accepts(port), failed])))
    await pause(ASK_AGAIN_MS, undefined, { signal: deadline });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
