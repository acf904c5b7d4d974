/**
 * The subscriptions of durable sessions, whose devices may be away: those that are not granted any more end, or messages
 * would go on being queued that nobody may be handed. Behind the messages and behind the journal's reader, which has
 * revocations to read: what is queued until then is judged when it is delivered.
 */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, type EntityName, isDeviceId } from '../../core/ids.ts';
import { decideSubscribe } from '../../core/policy/decide.ts';
import type { Grants } from '../../core/policy/grants.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { DeviceRecord } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import { grantsOfDevice } from '../admission/device-grants.ts';
import type { PolicyCache } from '../admission/policy-cache.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { DurableSessions } from '../sessions/durable-sessions.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { Denials } from './denials.ts';

/** ms for which sessions are reviewed without a turn for anybody else. */
const SLICE_MS = 3;
const RETRY_MS = 200;

export interface StoredSubscriptionsOptions {
  readonly registry: Pick<RegistryReader, 'device' | 'group' | 'groups' | 'policy'>;
  readonly policies: PolicyCache;
  readonly live: LiveTable;
  readonly durable: DurableSessions;
  readonly store: GuardedStore;
  readonly denials: Denials;
  readonly log: Logger;
}

export class StoredSubscriptions {
  readonly #options: StoredSubscriptionsOptions;
  /** Changed since they were reviewed. */
  readonly #devices = new Set<DeviceId>();
  readonly #groups = new Set<EntityName>();
  #isRunning = false;
  #isClosed = false;

  constructor(options: StoredSubscriptionsOptions) {
    this.#options = options;
  }

  /** Group or attributes of the device have changed. */
  device(id: DeviceId): void {
    if (this.#options.durable.of(id).length === 0) return;
    this.#devices.add(id);
    this.#wake();
  }

  /** The group has another policy now, or that policy is another. */
  group(name: EntityName): void {
    this.#groups.add(name);
    this.#wake();
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The policy has changed, and so have all groups that have it. Rejects where the registry fails. */
  async policy(name: EntityName): Promise<void> {
    for (const group of await this.#options.registry.groups())
      if (group.policy === name) this.group(group.name);
  }

  /**
   * Resolves with how many have ended: nothing is queued by them any more. That the disk has it is for the store's
   * `flush` to tell. Rejects where the registry fails.
   */
  async endDenied(device: DeviceRecord): Promise<number> {
    const granted = await this.#grantsOf(device);
    const { live, durable } = this.#options;
    let ended = 0;
    for (const clientId of durable.of(device.id)) {
      // One that is connected goes by what it was admitted with, and by each change since.
      const holder = live.of(device.id).find((connection) => connection.clientId === clientId);
      const grants = holder?.standing?.grants ?? granted;
      if (grants !== null) ended += this.#endDeniedOf(device.id, clientId, grants);
    }
    return ended;
  }

  #endDeniedOf(device: DeviceId, clientId: string, grants: Grants): number {
    const { store, denials, log } = this.#options;
    const denied: string[] = [];
    for (const filter of store.database.sessions.get(clientId)?.subscriptions.keys() ?? []) {
      const decision = decideSubscribe(grants, filter);
      if (decision.allowed) continue;
      denied.push(filter);
      denials.recordAway(device, clientId, 'subscribe', decision, filter);
    }
    if (denied.length === 0) return 0;
    log.debug({ clientId, denied }, 'stored subscriptions are not granted any more');
    store.removeSubscriptions({ id: clientId }, denied).catch(() => {}); // the store tells of it
    return denied.length;
  }

  #wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** What is asked for meanwhile is reviewed after it: whoever is under way is not among those that are due any more. */
  async #run(): Promise<void> {
    const { durable, store, log } = this.#options;
    while (this.#devices.size + this.#groups.size > 0 && !this.#isClosed && store.database.failure === null) {
      const [devices, groups] = [[...this.#devices], new Set(this.#groups)];
      this.#devices.clear();
      this.#groups.clear();
      try {
        await this.#review(devices);
        if (groups.size > 0) await this.#review(durable.devices(), groups);
      } catch (error) {
        if (this.#isClosed || store.database.failure !== null) break; // the store has told of it
        log.error({ err: error }, 'stored subscriptions could not be reviewed; trying again');
        for (const device of devices) this.#devices.add(device);
        for (const group of groups) this.#groups.add(group);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
    this.#isRunning = false;
  }

  /** @param groups whose members alone are meant; all of the devices where it is not given */
  async #review(devices: Iterable<string>, groups?: ReadonlySet<EntityName>): Promise<void> {
    const { registry, store, log } = this.#options;
    let [inAll, inSlice] = [0, 0];
    let sliceEnd = performance.now() + SLICE_MS;
    for (const id of devices) {
      const device = isDeviceId(id) ? await registry.device(id) : undefined;
      // Whatever a device that is gone has stored is not kept: its revocation sees to that.
      if (device !== undefined && (groups?.has(device.group) ?? true))
        inSlice += await this.endDenied(device);
      if (performance.now() < sliceEnd) continue;
      // A disk that is slow is not asked for more than it can do.
      await (inSlice > 0 ? store.database.flush() : nextTurn());
      if (this.#isClosed) return;
      inAll += inSlice;
      inSlice = 0;
      sliceEnd = performance.now() + SLICE_MS;
    }
    inAll += inSlice;
    if (inAll > 0) log.warn({ denied: inAll }, 'stored subscriptions are not granted any more');
  }

  /** None where its policy cannot be told: then it cannot connect either, and nothing is delivered to it. */
  async #grantsOf(device: DeviceRecord): Promise<Grants | null> {
    try {
      return await grantsOfDevice(device, this.#options);
    } catch (error) {
      if (error instanceof GatehouseError) return null;
      throw error;
    }
  }
}
