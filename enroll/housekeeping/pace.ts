/** How housekeeping keeps out of the way: a step takes some milliseconds, and between two of them others go on. */
import { setTimeout as delay } from 'node:timers/promises';

/** Waits between two steps. */
export type Pause = () => Promise<void>;

const PAUSE_MS = 40;

export const usualPause: Pause = () => delay(PAUSE_MS);
