/** The statements of the queues and the bodies in them, prepared once. */
import type { Database } from 'better-sqlite3';
import { MESSAGE_IDS } from '../queue-entry.ts';

interface Total {
  readonly number: number;
  readonly messages: number;
  readonly bytes: number;
  readonly last: number;
  readonly sent: number;
}

/** What sends an entry needs of it, but for the payload, as an array: objects would double what it takes to read it. */
export type PageColumns = readonly [
  seq: number,
  /** Null also where the session's `sent` says that it may have been sent. */
  messageId: number | null,
  released: 0 | 1,
  qos: 0 | 1 | 2,
  bytes: number,
  topic: string | null,
  retain: 0 | 1 | null,
  /** Null where PUBREL stands in its place. */
  payloadBytes: number | null,
];

/** An entry with all that Aedes has stored of it. */
export type EntryColumns = readonly [
  seq: number,
  messageId: number | null,
  released: 0 | 1,
  qos: 0 | 1 | 2,
  bytes: number,
  topic: string | null,
  payload: Buffer | string | null,
  retain: 0 | 1 | null,
  brokerId: string | null,
  brokerCounter: number | null,
];

const ROW = 'seq, messageId, released, qos, bytes';
const TOPIC = 'coalesce(queue.topic, messages.topic)';
const PAYLOAD = 'coalesce(queue.payload, messages.payload)';
const RETAIN = 'coalesce(queue.retain, messages.retain)';
const WITH_BODY = 'FROM queue LEFT JOIN messages ON messages.number = queue.message WHERE session = ?';
const ENTRY = `SELECT ${ROW}, ${TOPIC}, ${PAYLOAD}, ${RETAIN}, brokerId, brokerCounter ${WITH_BODY}`;

/** A run of places in one queue. */
type Run = [session: number, first: number, last: number];
const RUN = 'session = ? AND seq BETWEEN ? AND ?';
const SHARED_IN_RUN = `SELECT message FROM queue WHERE ${RUN}`;

export type QueueStatements = ReturnType<typeof prepareQueue>;

export function prepareQueue(database: Database) {
  return {
    lastMessage: database.prepare<[], number | null>('SELECT max(number) FROM messages').pluck(),
    /** Places behind the last that is left are given again after a start: of those nothing is known. */
    limitSent: database.prepare(`
      UPDATE sessions SET sent = min(sent, (SELECT coalesce(max(seq), 0) FROM queue WHERE session = number))
      WHERE sent > 0`),
    totals: database.prepare<[], Total>(`
      SELECT session AS number, count(*) AS messages, sum(bytes) AS bytes, max(seq) AS last,
        coalesce((SELECT sent FROM sessions WHERE number = session), 0) AS sent
      FROM queue GROUP BY session`),
    addMessage: database.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)'),
    add: database.prepare(
      'INSERT INTO queue (session, seq, messageId, released, qos, bytes, message) VALUES (?, ?, ?, 0, ?, ?, ?)',
    ),
    addWithBody: database.prepare(`
      INSERT INTO queue (session, seq, messageId, released, qos, bytes, topic, payload, retain)
      VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)`),
    page: database
      .prepare<[session: number, after: number, count: number], PageColumns>(
        `SELECT ${ROW}, ${TOPIC}, ${RETAIN}, octet_length(${PAYLOAD}) ${WITH_BODY} AND seq > ?
        ORDER BY seq LIMIT ?`,
      )
      .raw(),
    /** The payloads of a run, one behind the other, whatever bytes they are; null where it has none. */
    payloads: database
      .prepare<Run, Buffer | null>(
        `SELECT CAST(group_concat(payload, '') AS BLOB)
        FROM (SELECT ${PAYLOAD} AS payload ${WITH_BODY} AND seq BETWEEN ? AND ? ORDER BY seq)`,
      )
      .pluck(),
    markSent: database.prepare('UPDATE sessions SET sent = ? WHERE number = ?'),
    release: database.prepare(`
      UPDATE queue SET released = 1, message = NULL, topic = NULL, payload = NULL, retain = NULL
      WHERE session = ? AND seq = ?`),
    /** What a run takes up, and how many of its bodies are in `messages`. */
    measure: database
      .prepare<Run, [messages: number, bytes: number, shared: number]>(
        `SELECT count(*), coalesce(sum(bytes), 0), count(message) FROM queue WHERE ${RUN}`,
      )
      .raw(),
    remove: database.prepare<Run>(`DELETE FROM queue WHERE ${RUN}`),
    oldestUnsent: database
      .prepare<[session: number, sent: number, count: number], number>(
        'SELECT seq FROM queue WHERE session = ? AND seq > ? AND messageId IS NULL ORDER BY seq LIMIT ?',
      )
      .pluck(),
    oldest: database
      .prepare<[number, number], number>('SELECT seq FROM queue WHERE session = ? ORDER BY seq LIMIT ?')
      .pluck(),
    /** Of the bodies of a run, those that nobody else waits for; then the others have one receiver less. */
    dropMessages: database.prepare<Run>(
      `DELETE FROM messages WHERE receivers = 1 AND number IN (${SHARED_IN_RUN})`,
    ),
    dropReferences: database.prepare<Run>(
      `UPDATE messages SET receivers = receivers - 1 WHERE number IN (${SHARED_IN_RUN})`,
    ),
    entries: database
      .prepare<[session: number, after: number, count: number], EntryColumns>(
        `${ENTRY} AND seq > ? ORDER BY seq LIMIT ?`,
      )
      .raw(),
    find: database
      .prepare<[number, string, number], EntryColumns>(`${ENTRY} AND brokerId = ? AND brokerCounter = ?`)
      .raw(),
    findSent: database
      .prepare<[session: number, messageId: number, sent: number, messageId: number], EntryColumns>(`${ENTRY}
        AND (messageId = ? OR messageId IS NULL AND seq <= ? AND 1 + seq % ${MESSAGE_IDS} = ?)
        ORDER BY seq LIMIT 1`)
      .raw(),
    setMessageId: database.prepare('UPDATE queue SET messageId = ? WHERE session = ? AND seq = ?'),
  };
}
