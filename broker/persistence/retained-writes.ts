/**
 * The changes of retained messages on their way to the disk. A topic that changes again before it is written is written
 * once, with what is so then: who retains without waiting for an acknowledgement does not fill memory where the disk is slow.
 */
import type { AedesPublishPacket } from 'aedes';
import type { RetainedLog } from './retained-messages.ts';
import type { GroupCommit } from './sqlite/group-commit.ts';
import type { MessageTables } from './sqlite/message-tables.ts';

export interface RetainedWritesOptions {
  readonly tables: MessageTables;
  readonly commit: Pick<GroupCommit, 'post'>;
}

interface Kept {
  readonly owner: string;
  readonly packet: AedesPublishPacket;
}

export class RetainedWrites implements RetainedLog {
  readonly #options: RetainedWritesOptions;
  /** By topic; null where there is to be none. */
  readonly #asked = new Map<string, Kept | null>();

  constructor(options: RetainedWritesOptions) {
    this.#options = options;
  }

  keep(owner: string, packet: AedesPublishPacket): void {
    this.#ask(packet.topic, { owner, packet });
  }

  remove(topic: string): void {
    this.#ask(topic, null);
  }

  #ask(topic: string, kept: Kept | null): void {
    const isAsked = this.#asked.has(topic);
    this.#asked.set(topic, kept);
    if (!isAsked) this.#options.commit.post(() => this.#write(topic));
  }

  #write(topic: string): void {
    const { tables } = this.#options;
    const kept = this.#asked.get(topic);
    this.#asked.delete(topic);
    if (kept === undefined || kept === null) tables.removeRetained(topic);
    else {
      const { owner, packet } = kept;
      tables.retain({ topic, owner, qos: packet.qos, payload: Buffer.from(packet.payload) });
    }
  }
}
