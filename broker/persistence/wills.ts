/**
 * The wills of those who are connected (MQTT 3.1.1 §3.1.2.5). That of a durable session outlasts the process; whoever
 * has none leaves nothing on the disk.
 */
import type { GroupCommit } from './sqlite/group-commit.ts';
import type { MessageTables, StoredWill } from './sqlite/message-tables.ts';

export interface WillsOptions {
  readonly tables: MessageTables;
  readonly commit: GroupCommit;
  readonly brokerId: string;
}

export class Wills {
  readonly #options: WillsOptions;
  readonly #byClient = new Map<string, StoredWill>();
  /** Of those on the disk. */
  readonly #stored = new Set<string>();

  constructor(options: WillsOptions) {
    this.#options = options;
    for (const will of options.tables.wills()) {
      this.#byClient.set(will.clientId, will);
      this.#stored.add(will.clientId);
    }
  }

  get(clientId: string): StoredWill | undefined {
    return this.#byClient.get(clientId);
  }

  all(): IterableIterator<StoredWill> {
    return this.#byClient.values();
  }

  async put(will: StoredWill, { isDurable }: { readonly isDurable: boolean }): Promise<void> {
    const { commit, tables } = this.#options;
    this.remove(will.clientId);
    this.#byClient.set(will.clientId, will);
    if (!isDurable) return;
    this.#stored.add(will.clientId);
    await commit.run(() => tables.putWill(will));
  }

  /** Nobody has to wait for it: after a crash the will would be published once more, as after a lost connection. */
  remove(clientId: string): StoredWill | undefined {
    const { commit, tables } = this.#options;
    const will = this.#byClient.get(clientId);
    this.#byClient.delete(clientId);
    if (this.#stored.delete(clientId)) commit.post(() => tables.deleteWill(clientId));
    return will;
  }
}
