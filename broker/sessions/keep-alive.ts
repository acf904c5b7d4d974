/**
 * Ends sessions that have sent nothing for one and a half times their keep-alive [MQTT-3.1.2-24]. Whatever a device sends
 * counts, a message too. One look at all of them a second costs less than a timer for each that every packet sets back.
 */
import type { DeviceStream } from '../front/device-stream.ts';

const LOOK_MS = 1_000;
const MS_PER_KEEPALIVE_SECOND = 1_500;

interface Watched {
  readonly silence: number;
  readonly end: () => void;
}

export class KeepAlive {
  readonly #watched = new Map<Pick<DeviceStream, 'isSilent'>, Watched>();
  #lookedAt = performance.now();
  readonly #timer = setInterval(() => this.#look(performance.now()), LOOK_MS).unref();

  /** @param keepalive seconds; 0 for none @param end called once it has been silent for too long */
  watch(stream: Pick<DeviceStream, 'isSilent'>, keepalive: number, end: () => void): void {
    if (keepalive > 0) this.#watched.set(stream, { silence: keepalive * MS_PER_KEEPALIVE_SECOND, end });
  }

  forget(stream: Pick<DeviceStream, 'isSilent'>): void {
    this.#watched.delete(stream);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(now: number): void {
    // Where the whole process has stood still, what devices sent meanwhile is yet to be read: the next look tells.
    const isLate = now - this.#lookedAt > 2 * LOOK_MS;
    this.#lookedAt = now;
    if (isLate) return;
    for (const [stream, { silence, end }] of this.#watched) {
      if (!stream.isSilent(silence, now)) continue;
      this.#watched.delete(stream);
      end();
    }
  }
}
