/** What a simulated device measures: a temperature that wanders the way a real one does, and a sequence number. */

export interface Reading {
  /** 1, 2, 3 … since the process started, so that a receiver can tell what is missing. */
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  /** Degrees Celsius. */
  readonly temperature: number;
}

const MEAN = 21;
/** How strongly the temperature is drawn back to its mean, and how far one step strays. */
const PULL = 0.05;
const STEP = 0.4;

/** @param random a number in [0, 1) */
export function createThermometer(random: () => number = Math.random): (now: number) => Reading {
  let seq = 0;
  let temperature = MEAN;
  return (now) => {
    temperature += (MEAN - temperature) * PULL + (random() - 0.5) * STEP;
    seq += 1;
    return { seq, time: new Date(now).toISOString(), temperature: Math.round(temperature * 100) / 100 };
  };
}
