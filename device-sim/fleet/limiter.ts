/** Bounded concurrency: of all the work handed in, at most `limit` pieces run at a time, first come first served. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

export function createLimiter(limit: number): Limiter {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes straight to the next in line, if there is one.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
