/**
 * How a call that changes many is answered. Checked first, so that whatever is wrong with it has its status and problem
 * document; then, while it is written, NDJSON that says how far it is, and in its last line how it ended.
 */
import { PassThrough, type Readable } from 'node:stream';
import type { BulkAnswer } from '../../core/api/bulk.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { OnWritten } from './write-entries.ts';

/** Less than any timeout between here and the client, and often enough for somebody who watches. */
const PROGRESS_INTERVAL_MS = 250;

/** Of what nobody takes; then the answer is given up, and what it tells of goes on. */
const MAX_UNREAD = 32 * 1024 * 1024;

export interface Writing<Result> {
  /** How many entries there are to write. */
  readonly of: number;
  readonly write: (telling: Telling) => Promise<Result>;
  /** Logs an error and makes a problem of it. */
  readonly problemOf: (error: unknown) => Problem;
  readonly onEnd: () => void;
}
/** What whoever writes may tell on the way. */
export interface Telling {
  readonly onWritten: OnWritten;
  /** A line of the answer, besides how far it is. */
  readonly onLine: (line: object) => void;
}

/** Begins to write. It goes on to its end even if nobody reads the answer. */
export function answerWhileWriting<Result>({ of, write, problemOf, onEnd }: Writing<Result>): Readable {
  const answer = new PassThrough();
  const onLine = (line: object) => {
    if (answer.destroyed) return;
    if (answer.writableLength > MAX_UNREAD) answer.destroy();
    else answer.write(lineOf(line));
  };
  const say = (line: BulkAnswer<Result>) => onLine(line);
  let said = performance.now();
  const onWritten = (written: number) => {
    if (performance.now() - said < PROGRESS_INTERVAL_MS) return;
    said = performance.now();
    say({ written, of });
  };
  say({ written: 0, of });
  write({ onWritten, onLine })
    .then(
      (result) => say({ result }),
      (error: unknown) => say({ problem: problemOf(error) }),
    )
    .finally(() => {
      answer.end();
      onEnd();
    });
  return answer;
}

export function lineOf(line: object): string {
  return `${JSON.stringify(line)}\n`;
}
