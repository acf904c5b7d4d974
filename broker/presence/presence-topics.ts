/**
 * `$presence/ID`: whether the device is online, since when and by what, or when it went and why. Nothing of it is
 * stored: what this run has seen is in memory, and what was seen before is in the registry. So a broker that was killed
 * leaves nobody online, and 5,000 devices that come back at once cost no write.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { type DeviceId, isDeviceId, type TopicFilter } from '../../core/ids.ts';
import { presenceDeviceIn, presenceTopic } from '../../core/policy/system-topics.ts';
import { lastSighting } from '../../registry/last-sighting.ts';
import type { Sighting } from '../../registry/observations.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import type { Logger } from '../../runtime/log.ts';
import type { SystemMessage, SystemSource } from '../system-topics/replay.ts';
import type { SystemTopics } from '../system-topics/system-topics.ts';
import type { DevicePresence, Presence } from './device-presence.ts';

/** Devices that are told of, or read from the registry, before others get their turn. */
const AT_ONCE = 200;

export interface PresenceTopicsOptions {
  readonly presence: Pick<DevicePresence, 'of' | 'all' | 'isRevoked'>;
  readonly registry: Pick<RegistryView, 'device' | 'observations'>;
  readonly topics: Pick<SystemTopics, 'hasSubscribers' | 'publish'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a presence message says; the device is in the topic. */
type Told = Pick<Presence, 'clientId' | 'address' | 'tlsVersion' | 'sessions' | 'connectedAt'> & {
  readonly status: 'online' | 'offline';
  readonly since: number;
  readonly reason: string | null;
};

export class PresenceTopics implements SystemSource {
  readonly #options: PresenceTopicsOptions;
  /** Told of in one of the next turns, with what is so then: who goes and comes at once is told of once. */
  readonly #changed = new Set<DeviceId>();
  #isTelling = false;

  constructor(options: PresenceTopicsOptions) {
    this.#options = options;
  }

  /** Its presence is another one, or it is revoked. */
  changed(device: DeviceId): void {
    if (!this.#options.topics.hasSubscribers) return;
    this.#changed.add(device);
    if (!this.#isTelling) void this.#tell();
  }

  async *matching(filter: TopicFilter): AsyncGenerator<SystemMessage> {
    const name = presenceDeviceIn(filter);
    if (name === '+') yield* this.#all();
    else if (name !== undefined && isDeviceId(name)) yield* this.#one(name);
  }

  /** Never rejects. */
  async #tell(): Promise<void> {
    this.#isTelling = true;
    try {
      await nextTurn();
      let told = 0;
      for (const device of this.#changed) {
        this.#changed.delete(device);
        this.#options.topics.publish(presenceTopic(device), this.#payloadOf(device) ?? '');
        if (++told % AT_ONCE === 0) await nextTurn();
      }
    } catch (error) {
      this.#options.log.error({ err: error }, 'the presence of a device could not be told');
    } finally {
      this.#isTelling = false;
    }
  }

  /** Undefined where there is nothing to tell: an empty message clears what was retained before [MQTT-3.3.1-10]. */
  #payloadOf(device: DeviceId): string | undefined {
    const { presence } = this.#options;
    const known = presence.of(device);
    if (known === undefined || presence.isRevoked(device)) return undefined;
    const { disconnectedAt, connectedAt } = known;
    const status = disconnectedAt === null ? 'online' : 'offline';
    return payload({ ...known, status, since: disconnectedAt ?? connectedAt });
  }

  async *#one(device: DeviceId): AsyncGenerator<SystemMessage> {
    const { presence, registry } = this.#options;
    if (presence.of(device) !== undefined) return yield* this.#remembered(device);
    const sighting = await registry.observations.sighting(device);
    if (sighting === undefined || (await registry.device(device))?.status === 'revoked') return;
    yield this.#recorded(sighting);
  }

  async *#all(): AsyncGenerator<SystemMessage> {
    const { presence, registry } = this.#options;
    for (const { device } of presence.all()) yield* this.#remembered(device);
    let page: readonly Sighting[];
    let after: DeviceId | undefined;
    do {
      page = await registry.observations.sightings(after, AT_ONCE);
      for (const sighting of page) {
        after = sighting.record.device;
        // Whoever has come meanwhile was told of when it came.
        if (presence.of(after) === undefined) yield this.#recorded(sighting);
      }
      await nextTurn();
    } while (page.length === AT_ONCE);
  }

  *#remembered(device: DeviceId): Generator<SystemMessage> {
    const payload = this.#payloadOf(device);
    if (payload !== undefined) yield { topic: presenceTopic(device), payload };
  }

  /** Whom this run has not seen is offline, whatever was last heard. */
  #recorded(sighting: Sighting): SystemMessage {
    const { record } = sighting;
    const { since, reason } = lastSighting(sighting, undefined, this.#options.clock.now());
    const told = { ...record, sessions: 0, status: 'offline', since, reason } as const;
    return { topic: presenceTopic(record.device), payload: payload(told) };
  }
}

function payload({ status, since, clientId, address, tlsVersion, ...rest }: Told): string {
  const { sessions, connectedAt, reason } = rest;
  const about = { clientId, address, tlsVersion };
  return JSON.stringify(
    status === 'online'
      ? { status, since: iso(since), ...about, sessions }
      : { status, since: iso(since), reason, ...about, connectedAt: iso(connectedAt) },
  );
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
