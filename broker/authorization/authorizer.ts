/**
 * The decisions, each by the grants of that moment: what a device publishes, subscribes to and is handed.
 *
 * A PUBLISH that is denied ends the connection. MQTT 3.1.1 has no answer that says no: a server may acknowledge
 * and drop, or close (§3.3.5, [MQTT-3.3.5-2]). To acknowledge would tell the device that a message arrived which
 * nobody will ever see; closed, it notices, and so does whoever looks after it.
 */
import type { Client, PublishPacket, Subscription } from 'aedes';
import { GatehouseError } from '../../core/errors.ts';
import { decideDelivery, decideSubscribe } from '../../core/policy/decide.ts';
import type { Grants } from '../../core/policy/grants.ts';
import type { Verdict } from '../delivery/outbox.ts';
import type { Publication } from '../delivery/publication.ts';
import type { BrokerLimits } from '../limits.ts';
import type { BrokerMetrics } from '../metrics.ts';
import type { GuardedStore } from '../persistence/guarded-store.ts';
import type { Approval } from '../persistence/subscription-index.ts';
import type { Connection } from '../sessions/connection.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { Denial, Denials } from './denials.ts';
import { denialOfPublish, denialOfSize, isWellFormed } from './message-rules.ts';
import type { OrphanWills } from './orphan-wills.ts';

export interface AuthorizerOptions {
  readonly live: LiveTable;
  readonly store: GuardedStore;
  readonly orphanWills: OrphanWills;
  readonly denials: Denials;
  readonly metrics: BrokerMetrics;
  readonly limits: Pick<BrokerLimits, 'subscriptionsPerSession'>;
}

type Done<Result> = (error: Error | null, result?: Result) => void;

const NO_STANDING: Denial = { code: 'internal', reason: 'the session does not stand any more' };

export class Authorizer {
  readonly #options: AuthorizerOptions;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /**
   * Why a device may not publish this.
   * @param approval of its topic, which remembers who was allowed to last
   * @returns why not, which has been recorded then, or null
   */
  refusalOf(connection: Connection, publication: Publication, approval: Approval): GatehouseError | null {
    const grants = grantsOf(connection);
    const denial =
      grants === undefined
        ? NO_STANDING
        : (denialOfSize(grants, publication.payloadBytes) ??
          denialOfTopic(grants, publication.topic, approval) ??
          (publication.isToBeRetained ? this.#denialOfRetaining(connection, publication) : null));
    if (denial !== null) return this.#deny(connection, denial, publication.topic);
    this.#options.metrics.messageIn();
    return null;
  }

  /** A will, once its connection is lost. Without a client: one that another broker left. */
  publish(client: Client | null, will: PublishPacket, done: Done<never>): void {
    const { live, orphanWills, metrics } = this.#options;
    if (client === null) {
      orphanWills.decide(will).then(() => done(null), done);
      return;
    }
    const connection = live.byClient(client);
    const grants = grantsOf(connection);
    const denial =
      connection === undefined || grants === undefined
        ? NO_STANDING
        : (denialOfPublish(grants, will.topic, will.payload.length) ??
          (will.retain ? this.#denialOfRetaining(connection, will) : null));
    if (denial !== null) {
      done(this.#deny(connection, denial, will.topic));
      return;
    }
    metrics.messageIn();
    done(null);
  }

  /** A filter that is asked for, or one that a stored session brings back. Null means SUBACK 0x80. */
  subscribe(client: Client, subscription: Subscription, done: Done<Subscription | null>): void {
    const denial =
      this.denialOfSubscribe(client, subscription.topic) ?? this.#denialOfNumber(client, subscription.topic);
    if (denial === null) {
      done(null, subscription);
      return;
    }
    const { live, store, denials } = this.#options;
    const connection = live.byClient(client);
    if (connection === undefined || connection.isCut) {
      done(null, null);
      return;
    }
    denials.record(connection, 'subscribe', denial, subscription.topic);
    // It may have been granted once: what is stored must not go on collecting messages.
    const removal = client.clean ? undefined : store.removeSubscriptions(client, [subscription.topic]);
    if (removal === undefined) done(null, null);
    else removal.then(() => done(null, null), done);
  }

  /** Whether a message of this topic is handed to the device now. @param approval remembers that it was */
  judge(connection: Connection, topic: string, approval?: Approval): Verdict {
    const { denials, metrics } = this.#options;
    const grants = grantsOf(connection);
    if (grants === undefined) return 'stop';
    if (approval === undefined || approval.allowedBy !== grants) {
      const decision = decideDelivery(grants, topic);
      if (!decision.allowed) {
        denials.record(connection, 'deliver', decision, topic);
        return 'drop';
      }
      if (approval !== undefined) approval.allowedBy = grants;
    }
    metrics.messageOut();
    return 'deliver';
  }

  denialOfSubscribe(client: object, filter: string): Denial | null {
    const grants = grantsOf(this.#options.live.byClient(client));
    if (grants === undefined) return NO_STANDING;
    if (!isWellFormed(filter)) return { code: 'topic_filter_invalid', reason: 'the filter is not UTF-8' };
    const decision = decideSubscribe(grants, filter);
    return decision.allowed ? null : decision;
  }

  /**
   * Aedes tells of a clean session's filters at once, and of a durable one's when they are stored: there the store
   * knows first. What is subscribed already does not count anew.
   */
  #denialOfNumber(client: Client, filter: string): Denial | null {
    const { store, limits } = this.#options;
    const most = limits.subscriptionsPerSession;
    const isServed = filter in client.subscriptions || Object.keys(client.subscriptions).length < most;
    if (isServed && (client.clean || store.mayStore(client, filter))) return null;
    return { code: 'subscription_limit', reason: `the session has ${most} subscriptions` };
  }

  #denialOfRetaining(
    { device }: Connection,
    { topic, payload }: Pick<PublishPacket, 'topic' | 'payload'>,
  ): Denial | null {
    if (this.#options.store.retained.hasRoom(device, { topic, payload })) return null;
    return { code: 'retained_limit', reason: `no room for a retained message of ${payload.length} bytes` };
  }

  #deny(connection: Connection | undefined, denial: Denial, topic: string): GatehouseError {
    if (connection !== undefined) this.#options.denials.record(connection, 'publish', denial, topic);
    return new GatehouseError(denial.code, denial.reason);
  }
}

function denialOfTopic(grants: Grants, topic: string, approval: Approval): Denial | null {
  if (approval.allowedBy === grants) return null;
  const denial = denialOfPublish(grants, topic, 0);
  if (denial === null) approval.allowedBy = grants;
  return denial;
}

/** None for a session that has been cut off: what it sent before may still be on its way through Aedes. */
function grantsOf(connection: Connection | undefined): Grants | undefined {
  return connection?.isCut ? undefined : connection?.standing?.grants;
}
