/** Gives live sessions new grants when the group, attributes or policy of their device have changed. */
import type { Client } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import type { DeviceId, EntityName } from '../../core/ids.ts';
import { decideSubscribe } from '../../core/policy/decide.ts';
import { bindPolicy, type Grants } from '../../core/policy/grants.ts';
import type { Policy } from '../../core/policy/policy.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { Logger } from '../../runtime/log.ts';
import type { PolicyCache } from '../admission/policy-cache.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { Connection } from '../sessions/connection.ts';
import type { CutOff } from '../sessions/cut-off.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { Denials } from './denials.ts';

export interface RebindingOptions {
  readonly registry: RegistryReader;
  readonly policies: PolicyCache;
  readonly live: LiveTable;
  readonly store: GuardedStore;
  readonly cutOff: CutOff;
  readonly denials: Denials;
  readonly log: Logger;
}

export class Rebinding {
  readonly #options: RebindingOptions;

  constructor(options: RebindingOptions) {
    this.#options = options;
  }

  /** Group or attributes of the device have changed. @param since ms since the epoch */
  async device(id: DeviceId, since: number): Promise<void> {
    const { registry, live } = this.#options;
    const record = await registry.device(id);
    if (record === undefined) return;
    const { group, attributes } = record;
    for (const connection of live.of(id)) {
      if (connection.standing === null) continue;
      connection.standing = { ...connection.standing, subject: { id, group, attributes } };
    }
    await this.group(group, since, live.of(id));
  }

  /** The group has another policy now. */
  async group(name: EntityName, since: number, connections = this.#options.live.all()): Promise<void> {
    const members = connections.filter(({ standing }) => standing?.subject.group === name);
    if (members.length === 0) return;
    let policy: Policy;
    try {
      policy = await this.#policyOf(name);
    } catch (error) {
      // A policy that cannot be told grants nothing. Where the registry fails, the journal's reader tries again.
      if (!(error instanceof GatehouseError)) throw error;
      await Promise.all(members.map((member) => this.#options.cutOff.cut(member, error.code, since)));
      return;
    }
    for (const member of members) this.#rebind(member, policy);
  }

  /** The policy itself has changed. */
  async policy(name: EntityName, since: number): Promise<void> {
    const affected = this.#options.live.all().filter(({ standing }) => standing?.grants.policy === name);
    const groups = new Set(affected.flatMap(({ standing }) => standing?.subject.group ?? []));
    for (const group of groups) await this.group(group, since, affected);
  }

  async #policyOf(name: EntityName): Promise<Policy> {
    const { registry, policies } = this.#options;
    const group = await registry.group(name);
    const record = group && (await registry.policy(group.policy));
    if (record === undefined) throw new GatehouseError('policy_unknown', `group ${name} has no policy`);
    return policies.parse(record);
  }

  #rebind(connection: Connection, policy: Policy): void {
    const { client, standing } = connection;
    if (standing === null) return;
    const grants = bindPolicy(policy, standing.subject);
    connection.standing = { ...standing, grants };
    if (client !== null) this.#endDeniedSubscriptions(connection, client, grants);
  }

  /**
   * Nothing is delivered by them any more in any case, since each message is decided on: this only spares the
   * work. So it is not waited for; a revocation may stand in the journal's next row.
   */
  #endDeniedSubscriptions(connection: Connection, client: Client, grants: Grants): void {
    const { store, denials, log } = this.#options;
    const denied: string[] = [];
    for (const filter of Object.keys(client.subscriptions)) {
      const decision = decideSubscribe(grants, filter);
      if (decision.allowed) continue;
      denied.push(filter);
      denials.record(connection, 'subscribe', decision, filter);
    }
    if (denied.length === 0) return;
    const report = (error: unknown) => {
      if (error) log.error({ err: error, clientId: client.id }, 'a denied subscription could not be ended');
    };
    client.unsubscribe({ cmd: 'unsubscribe', unsubscriptions: denied }, report);
    store.removeSubscriptions(client, denied).catch(report);
  }
}
