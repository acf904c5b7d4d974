/**
 * Reads what is to be sent of a queue, a page at a time: first all but the payloads, then these in one piece. A Buffer made for
 * each by itself would take as long as all else that is read of it.
 */
import { messageIdOf, type Page, type PageLimits, type QueueEntry } from '../queue-entry.ts';
import type { SessionRecord } from '../session-record.ts';
import type { PageColumns, QueueStatements } from './queue-statements.ts';

const NOTHING = Buffer.alloc(0);

export interface PageOptions {
  readonly sql: Pick<QueueStatements, 'page' | 'payloads'>;
  readonly session: SessionRecord;
  /** The place behind which it begins. */
  readonly after: number;
  readonly limits: PageLimits;
  /** The place before which it ends at the latest. */
  readonly end: number;
}

/** One entry at least, whatever its size, where there is one that may be sent. */
export function readPage({ sql, session, after, limits, end }: PageOptions): Page {
  const found = sql.page.all(session.number, after, limits.messages + 1);
  const count = countFitting(found, limits, end);
  const rows = count === found.length ? found : found.slice(0, count);
  const [first, last] = [rows[0], rows.at(-1)];
  const payloads = first && last ? sql.payloads.get(session.number, first[0], last[0]) : null;
  return { entries: entriesOf(rows, payloads ?? NOTHING, session.sent), isLast: rows === found };
}

function countFitting(rows: readonly PageColumns[], limits: PageLimits, end: number): number {
  let [count, total] = [0, 0];
  for (const [seq, , , , bytes] of rows) {
    total += bytes;
    if (seq >= end || count === limits.messages || (total > limits.bytes && count > 0)) break;
    count++;
  }
  return count;
}

/** @param payloads of all these rows, and no others */
function entriesOf(rows: readonly PageColumns[], payloads: Buffer, sent: number): QueueEntry[] {
  const entries: QueueEntry[] = [];
  let at = 0;
  for (const [seq, messageId, released, qos, bytes, topic, retain, payloadBytes] of rows) {
    const start = at;
    at += payloadBytes ?? 0;
    const payload = payloadBytes === null ? null : payloads.subarray(start, at);
    const given = messageId ?? (seq <= sent ? messageIdOf(seq) : null);
    entries.push({ seq, messageId: given, released, qos, bytes, topic, payload, retain });
  }
  return entries;
}
