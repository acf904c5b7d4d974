/** Devices that nobody revokes: how long their messages of QoS 1 wait for PUBACK while others are cut off. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectedDevice } from '../harness/fleet.ts';

const EVERY_MS = 20;

export interface Bystanders {
  /** The latencies since the last call, in ms. @throws Error where the connection of one has ended: nobody revoked it */
  take(): readonly number[];
  stop(): Promise<void>;
}

export function startBystanders(devices: readonly ConnectedDevice[]): Bystanders {
  let latencies: number[] = [];
  let failure: unknown = null;
  const ended = new AbortController();
  const publishing = devices.map(async (device, place) => {
    // Not all of them in one moment.
    await pause((EVERY_MS * place) / devices.length);
    try {
      while (!ended.signal.aborted) {
        const start = performance.now();
        await device.publish();
        latencies.push(performance.now() - start);
        await pause(EVERY_MS);
      }
    } catch (error) {
      failure ??= error;
    }
  });
  return {
    take() {
      if (failure !== null) throw failure;
      const taken = latencies;
      latencies = [];
      return taken;
    },
    async stop() {
      ended.abort();
      await Promise.all(publishing);
    },
  };
}
