/** The rows of sessions, their subscriptions and half-received messages. Every method is called inside a transaction. */
import type { Database } from 'better-sqlite3';
import type { SessionRecord } from '../session-record.ts';

export type SessionTables = ReturnType<typeof prepareSessions>;

export function prepareSessions(database: Database) {
  const clearings = ['subscriptions', 'halfReceived'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE session = ?`),
  );
  const [clearSubscriptions, clearHalfReceived] = clearings;
  const add = database.prepare('INSERT INTO sessions (number, clientId) VALUES (?, ?)');
  const orphan = database.prepare('UPDATE sessions SET clientId = NULL WHERE number = ?');
  const forget = database.prepare('DELETE FROM sessions WHERE number = ?');
  const subscribe = database.prepare(
    'INSERT INTO subscriptions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET options = excluded.options',
  );
  const unsubscribe = database.prepare('DELETE FROM subscriptions WHERE session = ? AND filter = ?');
  const receive = database.prepare('INSERT OR IGNORE INTO halfReceived VALUES (?, ?)');
  const release = database.prepare('DELETE FROM halfReceived WHERE session = ? AND messageId = ?');
  return {
    sessions: database.prepare<[], { readonly number: number; readonly clientId: string | null }>(
      'SELECT number, clientId FROM sessions ORDER BY number',
    ),
    subscriptions: database.prepare<
      [],
      { readonly session: number; readonly filter: string; readonly options: string }
    >('SELECT session, filter, options FROM subscriptions'),
    halfReceived: database.prepare<[], { readonly session: number; readonly messageId: number }>(
      'SELECT session, messageId FROM halfReceived',
    ),
    add: ({ number, clientId }: SessionRecord) => add.run(number, clientId),
    /** From here on nobody finds it; its queue is still there. */
    orphan({ number }: SessionRecord) {
      for (const clearing of clearings) clearing.run(number);
      orphan.run(number);
    },
    forget: ({ number }: SessionRecord) => forget.run(number),
    subscribe: ({ number }: SessionRecord, filter: string, options: string) =>
      subscribe.run(number, filter, options),
    unsubscribe: ({ number }: SessionRecord, filter: string) => unsubscribe.run(number, filter),
    clearSubscriptions: ({ number }: SessionRecord) => clearSubscriptions?.run(number),
    receive: ({ number }: SessionRecord, messageId: number) => receive.run(number, messageId),
    release: ({ number }: SessionRecord, messageId: number) => release.run(number, messageId),
    clearHalfReceived: ({ number }: SessionRecord) => clearHalfReceived?.run(number),
  };
}
