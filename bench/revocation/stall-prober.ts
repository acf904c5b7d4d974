/**
 * How long a process kept somebody waiting who asks it next to nothing, again and again, while it does something
 * else: the longest stall of its event loop, as seen from outside.
 */
import { Client } from 'undici';

export interface StallProber {
  /** Ends it. @returns how long each answer took, in ms */
  stop(): Promise<readonly number[]>;
}

export function probeStalls(origin: string): StallProber {
  const client = new Client(origin);
  const waits: number[] = [];
  const ended = new AbortController();
  const probing = (async () => {
    while (!ended.signal.aborted) {
      const start = performance.now();
      const { body } = await client.request({ method: 'GET', path: '/health' });
      await body.dump();
      waits.push(performance.now() - start);
    }
  })();
  return {
    async stop() {
      ended.abort();
      await probing;
      await client.close();
      return waits;
    },
  };
}
