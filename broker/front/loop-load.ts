/** Whether the process has more to do than it gets done: its event loop hardly ever waits for anything. */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

const BUSY = 0.9;
/** ms over which it is looked at, at least. */
const WINDOW_MS = 250;

export class LoopLoad {
  #since: EventLoopUtilization = performance.eventLoopUtilization();
  #isBusy = false;

  get isBusy(): boolean {
    const passed = performance.eventLoopUtilization(this.#since);
    if (passed.active + passed.idle >= WINDOW_MS) {
      this.#isBusy = passed.utilization > BUSY;
      this.#since = performance.eventLoopUtilization();
    }
    return this.#isBusy;
  }
}
