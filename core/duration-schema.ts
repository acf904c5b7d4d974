/** A length of time in a document: seconds, or text such as `30d`. Milliseconds from here on. */
import { z } from 'zod';
import { parseDuration } from './duration.ts';

const WANTED = 'a duration such as "30d", or a number of seconds, belongs here';

export const durationSchema = z
  .union(
    [
      z.number().transform((seconds) => Math.round(seconds * 1_000)),
      z.string().transform((text) => parseDuration(text)),
    ],
    { error: WANTED },
  )
  .pipe(z.number(WANTED));
