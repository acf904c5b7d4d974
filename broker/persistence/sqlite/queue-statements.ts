/** The statements of the queues and the bodies in them, prepared once. */
import type { Database } from 'better-sqlite3';
import { MESSAGE_IDS, type QueueEntry } from '../queue-entry.ts';

interface Total {
  readonly number: number;
  readonly messages: number;
  readonly bytes: number;
  readonly last: number;
}

const ENTRY = `
  SELECT seq, messageId, released, qos, bytes, message, topic, payload, retain, brokerId, brokerCounter
  FROM queue LEFT JOIN messages ON messages.number = queue.message
  WHERE session = ?`;

export type QueueStatements = ReturnType<typeof prepareQueue>;

export function prepareQueue(database: Database) {
  return {
    lastMessage: database.prepare<[], number | null>('SELECT max(number) FROM messages').pluck(),
    totals: database.prepare<[], Total>(
      'SELECT session AS number, count(*) AS messages, sum(bytes) AS bytes, max(seq) AS last FROM queue GROUP BY session',
    ),
    addMessage: database.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)'),
    add: database.prepare(
      'INSERT INTO queue (session, seq, messageId, released, qos, bytes, message) VALUES (?, ?, ?, 0, ?, ?, ?)',
    ),
    page: database.prepare<[number, number, number], QueueEntry>(`${ENTRY} AND seq > ? ORDER BY seq LIMIT ?`),
    assign: database.prepare(`
      UPDATE queue SET messageId = 1 + seq % ${MESSAGE_IDS}
      WHERE session = ? AND seq BETWEEN ? AND ? AND messageId IS NULL`),
    release: database.prepare(
      'UPDATE queue SET released = 1, message = NULL WHERE session = ? AND seq = ? AND message IS NOT NULL',
    ),
    remove: database.prepare<
      [number, number, number],
      { readonly message: number | null; readonly bytes: number }
    >('DELETE FROM queue WHERE session = ? AND seq BETWEEN ? AND ? RETURNING message, bytes'),
    oldestUnsent: database
      .prepare<[number, number], number>(
        'SELECT seq FROM queue WHERE session = ? AND messageId IS NULL ORDER BY seq LIMIT ?',
      )
      .pluck(),
    oldest: database
      .prepare<[number, number], number>('SELECT seq FROM queue WHERE session = ? ORDER BY seq LIMIT ?')
      .pluck(),
    /** The last that waits for it. */
    dropMessage: database.prepare('DELETE FROM messages WHERE number = ? AND receivers = 1'),
    dropReference: database.prepare('UPDATE messages SET receivers = receivers - 1 WHERE number = ?'),
    find: database.prepare<[number, string, number], QueueEntry>(
      `${ENTRY} AND brokerId = ? AND brokerCounter = ?`,
    ),
    findSent: database.prepare<[number, number], QueueEntry>(
      `${ENTRY} AND messageId = ? ORDER BY seq LIMIT 1`,
    ),
    setMessageId: database.prepare('UPDATE queue SET messageId = ? WHERE session = ? AND seq = ?'),
  };
}
