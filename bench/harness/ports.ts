/** For peers that take a port by its number only: a free one, and when they listen on it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

const START_TIMEOUT_MS = 60_000;
const ASK_AGAIN_MS = 50;

/** That another process takes it first is possible, and ends the benchmark. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
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
