/**
 * Which devices are online, by what, and how those went that are not: as far as this run of the broker has seen them. The
 * registry has the others, and those that were offline so long ago that they had to make room.
 */
import type { Clock } from '../../core/clock.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { DepartureReason } from '../../core/observations/departure.ts';
import type { SightingRecord } from '../../registry/observations.ts';
import type { Connection } from '../sessions/connection.ts';

/** Devices that are offline and still remembered. */
const MAX_OFFLINE = 50_000;

export type Presence = Omit<SightingRecord, 'run' | 'reason'> & { readonly reason: DepartureReason | null };

interface Online {
  readonly connectedAt: number;
  /** Oldest first. */
  readonly sessions: Set<Connection>;
}

export interface DevicePresenceOptions {
  readonly clock: Clock;
  /** The presence of this device is another one than before. */
  readonly onChange: (device: DeviceId) => void;
}

export class DevicePresence {
  readonly #options: DevicePresenceOptions;
  readonly #online = new Map<DeviceId, Online>();
  /** Those that went first come first. */
  readonly #offline = new Map<DeviceId, Presence>();
  readonly #unreported = new Set<DeviceId>();
  /** Of those that are remembered. */
  readonly #revoked = new Set<DeviceId>();

  constructor(options: DevicePresenceOptions) {
    this.#options = options;
  }

  /** CONNACK is sent. */
  arrived(connection: Connection): void {
    const { device } = connection;
    const online = this.#online.get(device) ?? {
      connectedAt: this.#options.clock.now(),
      sessions: new Set(),
    };
    online.sessions.add(connection);
    this.#online.set(device, online);
    this.#offline.delete(device);
    // Nobody who is revoked arrives: it was reinstated.
    this.#revoked.delete(device);
    this.#note(device);
  }

  /** Nothing for a connection that never arrived. */
  departed(connection: Connection, reason: DepartureReason): void {
    const { device } = connection;
    const online = this.#online.get(device);
    if (!online?.sessions.delete(connection)) return;
    if (online.sessions.size === 0) {
      this.#online.delete(device);
      const disconnectedAt = this.#options.clock.now();
      if (reason === 'device_revoked') this.#revoked.add(device);
      this.#offline.set(device, { ...shown(connection, online), disconnectedAt, reason });
      if (this.#offline.size > MAX_OFFLINE) this.#forgetOldest();
    }
    this.#note(device);
  }

  /** For good. It is still to be told when it was last seen. */
  revoked(device: DeviceId): void {
    if (this.of(device) !== undefined) this.#revoked.add(device);
    this.#options.onChange(device);
  }

  isRevoked(device: DeviceId): boolean {
    return this.#revoked.has(device);
  }

  /** Undefined for a device that this run has not seen, or not for long. */
  of(device: DeviceId): Presence | undefined {
    const online = this.#online.get(device);
    const newest = online && [...online.sessions].at(-1);
    return newest === undefined ? this.#offline.get(device) : shown(newest, online);
  }

  /** As they are when it gets to them; the devices may change meanwhile. */
  *all(): Generator<Presence> {
    for (const devices of [this.#online, this.#offline]) {
      for (const device of devices.keys()) {
        const presence = this.of(device);
        if (presence !== undefined) yield presence;
      }
    }
  }

  /** What changed since it was taken last, up to `most` of it. */
  takeUnreported(most: number): Presence[] {
    const taken: Presence[] = [];
    for (const device of this.#unreported) {
      if (taken.length === most) break;
      this.#unreported.delete(device);
      const presence = this.of(device);
      if (presence !== undefined) taken.push(presence);
    }
    return taken;
  }

  #note(device: DeviceId): void {
    this.#unreported.add(device);
    this.#options.onChange(device);
  }

  #forgetOldest(): void {
    for (const device of this.#offline.keys()) {
      this.#offline.delete(device);
      this.#unreported.delete(device);
      this.#revoked.delete(device);
      return;
    }
  }
}

/** The newest session's data, for all of the device. */
function shown(newest: Connection, online: Online | undefined): Presence {
  const { device, clientId, address, tlsVersion, peer } = newest;
  return {
    device,
    connectedAt: online?.connectedAt ?? 0,
    disconnectedAt: null,
    reason: null,
    sessions: online?.sessions.size ?? 0,
    clientId: clientId ?? device,
    address,
    tlsVersion,
    serialNumber: peer.serialNumber,
  };
}
