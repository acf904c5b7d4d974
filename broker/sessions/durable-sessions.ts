/** The sessions that outlive their connection (CONNECT with clean session 0), by device. */
import type { DeviceId } from '../../core/ids.ts';
import { deviceOf } from '../client-id.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';

export class DurableSessions {
  readonly #store: GuardedStore;
  /**
   * Device → its client ids. Kept apart from the ids' text, so that `dev1` never stands for `dev10`. What was stored may
   * name what is no device.
   */
  readonly #byDevice = new Map<string, Set<string>>();

  constructor({ store }: { readonly store: GuardedStore }) {
    this.#store = store;
    for (const { clientId } of store.database.sessions.all()) this.#note(deviceOf(clientId), clientId);
  }

  keep(device: DeviceId, clientId: string): void {
    this.#note(device, clientId);
    this.#store.database.sessions.open(clientId);
  }

  /** The session was begun anew with clean session 1: Aedes has cleared it. */
  forget(device: DeviceId, clientId: string): void {
    const ids = this.#byDevice.get(device);
    ids?.delete(clientId);
    if (ids?.size === 0) this.#byDevice.delete(device);
  }

  /** Of all devices. */
  get count(): number {
    let count = 0;
    for (const ids of this.#byDevice.values()) count += ids.size;
    return count;
  }

  of(device: string): readonly string[] {
    return [...(this.#byDevice.get(device) ?? [])];
  }

  /** Removes every session of the device and all that waits in them, and its wills. */
  async discardAll(device: string): Promise<void> {
    this.#store.database.wills.removeAllOf(device);
    const discarding = this.of(device).map((clientId) => this.#store.discard(clientId));
    this.#byDevice.delete(device);
    await Promise.all(discarding);
  }

  /** @throws GatehouseError why the sessions cannot be kept any more */
  checkWritable(): void {
    const { failure } = this.#store.database;
    if (failure !== null) throw failure;
  }

  /** Whose sessions there are, as the stored client ids say. */
  devices(): IterableIterator<string> {
    return this.#byDevice.keys();
  }

  #note(device: string, clientId: string): void {
    const ids = this.#byDevice.get(device) ?? new Set();
    this.#byDevice.set(device, ids.add(clientId));
  }
}
