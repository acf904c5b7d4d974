/**
 * Every connection there is, by device, from before the registry is asked about it until its socket is closed. Revocation
 * goes through this table and not through Aedes' own, which can lose a live client, and knows nothing of one that has left
 * and to which something is still being said.
 */
import type { Client } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import { Budget } from '../front/budget.ts';
import type { Connection } from './connection.ts';

interface Presence {
  readonly connections: Set<Connection>;
  /** Shared by all sessions of the device. */
  readonly budget: Budget;
}

export class LiveTable {
  readonly #devices = new Map<DeviceId, Presence>();
  readonly #holders = new Map<string, Connection>();
  readonly #byClient = new WeakMap<object, Connection>();
  #changes = 0;

  /** The connection gives its client id free by itself when it is gone, and leaves the table when its socket is closed too. */
  add(connection: Connection): void {
    const { device } = connection;
    const presence = this.#devices.get(device) ?? { connections: new Set(), budget: new Budget() };
    this.#devices.set(device, presence);
    presence.connections.add(connection);
    const remove = () => {
      presence.connections.delete(connection);
      this.#release(device, presence);
    };
    void connection.gone.then(() => {
      const { clientId, socket } = connection;
      if (clientId !== null && this.#holders.get(clientId) === connection) this.#holders.delete(clientId);
      if (socket.closed) remove();
      else socket.once('close', remove);
    });
  }

  /**
   * Makes `connection` the one with `clientId`. Whichever had the id is closed first, and Aedes has let go of it
   * when this resolves, so that it never sees two [MQTT-3.1.4-2]. Of several that ask, the last one keeps the id.
   * @throws the reason of `connection.arrival` where that ends meanwhile
   */
  async claim(
    connection: Connection,
    clientId: string,
    dismiss: (holder: Connection) => void,
  ): Promise<void> {
    for (;;) {
      connection.arrival.throwIfEnded();
      const holder = this.#holders.get(clientId);
      if (holder === undefined) break;
      dismiss(holder);
      await holder.gone;
    }
    connection.clientId = clientId;
    this.#holders.set(clientId, connection);
  }

  /** So that the hooks of Aedes, which are given its client, find the connection. */
  bind(client: Client, connection: Connection): void {
    this.#byClient.set(client, connection);
  }

  byClient(client: object): Connection | undefined {
    return this.#byClient.get(client);
  }

  /** Those of the device that arrive or are served. */
  of(device: DeviceId): readonly Connection[] {
    return this.openOf(device).filter(isHere);
  }

  /** Of all devices. */
  all(): readonly Connection[] {
    return this.allOpen().filter(isHere);
  }

  /** As `of`, and those that have left and whose socket is still open: for whoever ends what the device has here. */
  openOf(device: DeviceId): readonly Connection[] {
    return [...(this.#devices.get(device)?.connections ?? [])];
  }

  /** Of all devices. */
  allOpen(): readonly Connection[] {
    return [...this.#devices.values()].flatMap(({ connections }) => [...connections]);
  }

  /** @throws GatehouseError `internal` for a device that is not here */
  budgetOf(device: DeviceId): Budget {
    const presence = this.#devices.get(device);
    if (presence === undefined) throw new GatehouseError('internal', `${device} has no connection`);
    return presence.budget;
  }

  /** A device that comes right back finds the budget as it left it: to reconnect is no way to send more. */
  #release(device: DeviceId, presence: Presence): void {
    if (presence.connections.size > 0) return;
    const debt = presence.budget.debt(performance.now());
    if (debt > 0) setTimeout(() => this.#release(device, presence), debt).unref();
    else if (this.#devices.get(device) === presence) this.#devices.delete(device);
  }

  /** Counts the changes of grants that the journal told of: whoever read the registry before one reads again. */
  get changes(): number {
    return this.#changes;
  }

  noteChange(): void {
    this.#changes++;
  }
}

function isHere({ hasLeft }: Connection): boolean {
  return !hasLeft;
}
