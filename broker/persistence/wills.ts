/**
 * The wills of those who are connected (MQTT 3.1.1 §3.1.2.5). That of a durable session outlasts the process; whoever
 * has none leaves nothing on the disk.
 */
import { deviceOf } from '../client-id.ts';
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
  /** Client ids, by device. */
  readonly #byDevice = new Map<string, Set<string>>();
  /** Of those on the disk. */
  readonly #stored = new Set<string>();

  constructor(options: WillsOptions) {
    this.#options = options;
    for (const will of options.tables.wills()) {
      this.#note(will);
      this.#stored.add(will.clientId);
    }
  }

  get(clientId: string): StoredWill | undefined {
    return this.#byClient.get(clientId);
  }

  all(): IterableIterator<StoredWill> {
    return this.#byClient.values();
  }

  /** Whose wills there are. */
  owners(): IterableIterator<string> {
    return this.#byDevice.keys();
  }

  /** Of all sessions of the device. */
  removeAllOf(device: string): void {
    for (const clientId of [...(this.#byDevice.get(device) ?? [])]) this.remove(clientId);
  }

  async put(will: StoredWill, { isDurable }: { readonly isDurable: boolean }): Promise<void> {
    const { commit, tables } = this.#options;
    this.remove(will.clientId);
    this.#note(will);
    if (!isDurable) return;
    this.#stored.add(will.clientId);
    await commit.run(() => tables.putWill(will));
  }

  /** Those that are in memory alone outlast the process as well. */
  keepAll(): void {
    for (const will of [...this.#byClient.values()]) {
      if (this.#stored.has(will.clientId)) continue;
      this.put(will, { isDurable: true }).catch(() => {}); // the store tells of it
    }
  }

  /** Nobody has to wait for it: after a crash the will would be published once more, as after a lost connection. */
  remove(clientId: string): StoredWill | undefined {
    const { commit, tables } = this.#options;
    const will = this.#byClient.get(clientId);
    if (this.#byClient.delete(clientId)) this.#forget(clientId);
    if (this.#stored.delete(clientId)) commit.post(() => tables.deleteWill(clientId));
    return will;
  }

  #note(will: StoredWill): void {
    const { clientId } = will;
    const device = deviceOf(clientId);
    this.#byClient.set(clientId, will);
    this.#byDevice.set(device, (this.#byDevice.get(device) ?? new Set()).add(clientId));
  }

  #forget(clientId: string): void {
    const device = deviceOf(clientId);
    const ids = this.#byDevice.get(device);
    ids?.delete(clientId);
    if (ids?.size === 0) this.#byDevice.delete(device);
  }
}
