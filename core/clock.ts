/** Time as a port: core never reads the clock itself, so that tests and simulations can set it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}
