/** Wills whose broker is gone: Aedes asks without a client, so the registry is asked about their owner. */
import type { PublishPacket } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, isDeviceId, quote } from '../../core/ids.ts';
import type { Grants } from '../../core/policy/grants.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { Logger } from '../../runtime/log.ts';
import { grantsOfDevice } from '../admission/device-grants.ts';
import type { PolicyCache } from '../admission/policy-cache.ts';
import { deviceOf } from '../client-id.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { Refusals } from '../reports/refusals.ts';
import { denialOfPublish } from './message-rules.ts';

export interface OrphanWillsOptions {
  readonly registry: Pick<RegistryReader, 'device' | 'revokedSeq' | 'group' | 'policy'>;
  readonly policies: PolicyCache;
  readonly store: GuardedStore;
  readonly refusals: Pick<Refusals, 'ofOwner'>;
  readonly metrics: BrokerMetrics;
  readonly log: Logger;
}

export class OrphanWills {
  readonly #options: OrphanWillsOptions;

  constructor(options: OrphanWillsOptions) {
    this.#options = options;
  }

  /**
   * Resolves where the will may be published. One that may not is forgotten, or Aedes would ask again for ever.
   * @throws GatehouseError naming the rule; the registry's error where it cannot be asked
   */
  async decide(will: PublishPacket & { readonly clientId?: string }): Promise<void> {
    const clientId = will.clientId ?? '';
    try {
      const grants = await this.#grantsOfOwner(clientId);
      const denial = denialOfPublish(grants, will.topic, will.payload.length);
      if (denial !== null) throw new GatehouseError(denial.code, denial.reason);
      if (will.retain && !this.#options.store.retained.hasRoom(deviceOf(clientId), will)) {
        throw new GatehouseError('retained_limit', `no room for a will of ${will.payload.length} bytes`);
      }
    } catch (error) {
      if (error instanceof GatehouseError) await this.#forget(clientId, will.topic, error);
      throw error;
    }
  }

  async #grantsOfOwner(clientId: string): Promise<Grants> {
    const { registry } = this.#options;
    const owner = deviceOf(clientId);
    const device = isDeviceId(owner) ? await registry.device(owner) : undefined;
    if (device === undefined) throw new GatehouseError('device_unknown', `${quote(owner)} is no device`);
    if (device.status !== 'active') throw new GatehouseError(`device_${device.status}`);
    await this.#refuseFromBefore(device.id);
    return grantsOfDevice(device, this.#options);
  }

  /** Reinstated since, a device does not get back what it left. @throws GatehouseError `device_revoked` */
  async #refuseFromBefore(device: DeviceId): Promise<void> {
    const { registry, store } = this.#options;
    const revokedSeq = (await registry.revokedSeq(device)) ?? null;
    if (!store.database.revocations.isOutstanding(device, revokedSeq)) return;
    throw new GatehouseError('device_revoked', `${quote(device)} was revoked after it left its will`);
  }

  async #forget(clientId: string, topic: string, { code, message }: GatehouseError): Promise<void> {
    const { store, refusals, metrics, log } = this.#options;
    const owner = deviceOf(clientId);
    metrics.denied('publish', code);
    if (isDeviceId(owner)) {
      refusals.ofOwner(owner, clientId, { action: 'publish', rule: code, topic, detail: message });
    }
    log.warn({ rule: code, clientId, detail: message }, 'a will that another broker left was denied');
    await store.delWill({ id: clientId });
  }
}
