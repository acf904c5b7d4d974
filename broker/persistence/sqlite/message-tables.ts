/** The rows of retained messages and of wills. Every method is called inside a transaction. */
import type { AedesPublishPacket } from 'aedes';
import type { Database } from 'better-sqlite3';

export interface RetainedRow {
  readonly topic: string;
  readonly owner: string;
  readonly qos: 0 | 1 | 2;
  readonly payload: Buffer;
}

interface WillRow {
  readonly clientId: string;
  readonly brokerId: string;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: 0 | 1;
  readonly payload: Buffer;
}

export type StoredWill = AedesPublishPacket & { readonly clientId: string };

export type MessageTables = ReturnType<typeof prepareMessages>;

export function prepareMessages(database: Database) {
  const retain = database.prepare<RetainedRow>(`
    INSERT INTO retained VALUES (@topic, @owner, @qos, @payload)
    ON CONFLICT DO UPDATE SET owner = excluded.owner, qos = excluded.qos, payload = excluded.payload`);
  const removeRetained = database.prepare('DELETE FROM retained WHERE topic = ?');
  const putWill = database.prepare<WillRow>(
    'INSERT OR REPLACE INTO wills VALUES (@clientId, @brokerId, @topic, @qos, @retain, @payload)',
  );
  const deleteWill = database.prepare('DELETE FROM wills WHERE clientId = ?');
  const wills = database.prepare<[], WillRow>('SELECT * FROM wills');
  return {
    retained: database.prepare<[], RetainedRow>('SELECT * FROM retained'),
    retain: (row: RetainedRow) => retain.run(row),
    removeRetained: (topic: string) => removeRetained.run(topic),
    putWill({ clientId, brokerId, topic, qos, retain: isRetained, payload }: StoredWill) {
      const retainFlag = isRetained ? 1 : 0;
      putWill.run({ clientId, brokerId, topic, qos, retain: retainFlag, payload: Buffer.from(payload) });
    },
    deleteWill: (clientId: string) => deleteWill.run(clientId),
    wills(): StoredWill[] {
      return wills.all().map(({ retain: retainFlag, ...will }) => ({
        ...will,
        ...{ cmd: 'publish', retain: retainFlag === 1, dup: false, brokerCounter: 0 },
      }));
    },
  };
}
