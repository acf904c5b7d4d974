/** The composition root of the broker process. It reads the registry, and holds no CA key. */
import type { Clock } from '../core/clock.ts';
import type { GatehouseError } from '../core/errors.ts';
import { openRegistryView } from '../registry/sqlite/open.ts';
import { trustAnchors } from '../registry/trust-anchors.ts';
import { systemClock } from '../runtime/clock.ts';
import { packageVersion } from '../runtime/command-line/version.ts';
import { dataLayout } from '../runtime/layout.ts';
import type { Logger } from '../runtime/log.ts';
import { createMetricsRegistry, listenForMetrics } from '../runtime/metrics.ts';
import { maxOpenFiles } from '../runtime/open-files.ts';
import { SecureContextSource } from '../runtime/secure-context.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Closers } from '../runtime/shutdown.ts';
import { TicketKeys } from '../runtime/ticket-keys.ts';
import { AdmissionControl } from './admission/admission-control.ts';
import { PolicyCache } from './admission/policy-cache.ts';
import { Authorizer } from './authorization/authorizer.ts';
import { Denials } from './authorization/denials.ts';
import { OrphanWills } from './authorization/orphan-wills.ts';
import { Rebinding } from './authorization/rebinding.ts';
import { StoredSubscriptions } from './authorization/stored-subscriptions.ts';
import { awaitData } from './await-data.ts';
import { type DoorAddresses, Doors } from './doors.ts';
import { ConnectRates } from './front/connect-rates.ts';
import { addFrontMetrics } from './front/front-metrics.ts';
import { Reception } from './front/reception.ts';
import { WaitingLine } from './front/waiting-line.ts';
import { limitsOf, tellChoices } from './limit-choices.ts';
import type { BrokerLimits } from './limits.ts';
import { createBrokerMetrics } from './metrics.ts';
import { startObservation } from './observation.ts';
import { GuardedStore } from './persistence/guarded-store.ts';
import { SessionDatabase } from './persistence/session-database.ts';
import { SubscriptionIndex } from './persistence/subscription-index.ts';
import { QueueOverflows } from './reports/queue-overflows.ts';
import { CutOff } from './sessions/cut-off.ts';
import { DurableSessions } from './sessions/durable-sessions.ts';
import { LiveTable } from './sessions/live-table.ts';
import { MessageBroker } from './sessions/message-broker.ts';
import { Revocations } from './sessions/revocations.ts';
import { reviewStoredSessions } from './sessions/stored-sessions.ts';
import { addStoreMetrics } from './store-metrics.ts';
import { BrokerFigures } from './system-topics/broker-figures.ts';
import { Replay } from './system-topics/replay.ts';
import { SystemTopics } from './system-topics/system-topics.ts';
import { createEffects } from './tail/effects.ts';
import { JournalTail } from './tail/journal-tail.ts';
import { tellOfUnkept } from './unkept-messages.ts';

export interface BrokerAddresses extends DoorAddresses {
  readonly metricsUrl: string;
}

export interface BrokerDependencies {
  readonly settings: Settings;
  readonly log: Logger;
  readonly closers: Closers;
  /** The broker cannot go on: nobody is admitted any more, and the process is to end. */
  readonly onFatal: (error: GatehouseError) => void;
  readonly clock?: Clock;
  readonly limits?: Partial<BrokerLimits>;
}

/** Whatever is opened is added to `closers`, in order; it is theirs to close even if this rejects half-way. */
export async function startBroker(dependencies: BrokerDependencies): Promise<BrokerAddresses> {
  const { settings, log, closers, clock = systemClock } = dependencies;
  const limits = { ...limitsOf(settings), ...dependencies.limits };
  tellChoices(settings, { openFiles: await maxOpenFiles(), log });
  const layout = dataLayout(settings.data);

  const file = layout.registry.database;
  const registry = await awaitData('the registry', () => openRegistryView({ file }), { log });
  closers.add('registry', () => registry.close());
  const ticketKeys = await TicketKeys.open({ file: layout.ticketKeys, clock, log });
  closers.add('ticket keys', ticketKeys.watch());
  const secureContext = new SecureContextSource({
    file: layout.tls.broker,
    trustAnchors: () => trustAnchors(registry),
    endAtAnyAnchor: true,
    ticketKeys,
    staple: { file: layout.staples.broker, clock },
    log,
  });
  const context = await awaitData('the server certificate', () => secureContext.read(), { log });

  const metricsRegistry = createMetricsRegistry();
  const metrics = createBrokerMetrics(metricsRegistry);
  const policies = new PolicyCache();
  const live = new LiveTable();
  const index = new SubscriptionIndex();
  const systemTopics = new SystemTopics(index);
  const folder = layout.reports;
  const observation = await startObservation({ registry, folder, systemTopics, limits, clock, log });
  const { refusals, presence } = observation;
  const overflows = new QueueOverflows({ refusals, metrics });
  const database = new SessionDatabase({
    file: layout.sessions,
    durability: settings.durability,
    limits,
    index,
    onOverflow: (count, clientId) => overflows.note(clientId, count),
    onFailure: (error) => storeFailed(error),
  });
  closers.add('stored sessions', () => database.close());
  const store: GuardedStore = new GuardedStore({
    database,
    isGranted: (client, filter) => authorizer.denialOfSubscribe(client, filter) === null,
    limits,
  });
  const durable = new DurableSessions({ store });
  addStoreMetrics(metricsRegistry, { store, durable, file: layout.sessions, limits });
  const denials = new Denials({ refusals, metrics, log });
  const orphanWills = new OrphanWills({ registry, policies, store, refusals, metrics, log });
  const authorizer = new Authorizer({ live, store, orphanWills, denials, metrics, limits });
  const cutOff = new CutOff({ live, durable, store, refusals, metrics, clock, log });
  const storeFailed = (error: GatehouseError) => {
    log.fatal({ err: error, rule: error.code, remedy: error.remedy }, error.message);
    void cutOff.cutAll(live.allOpen(), error.code, clock.now());
    dependencies.onFatal(error);
  };
  const revocations = new Revocations({
    ...{ applied: database.revocations, live, cutOff },
    onRevoked: (devices) => {
      for (const device of devices) presence.revoked(device);
    },
  });
  const rebinding = new Rebinding({ registry, policies, live, store, cutOff, denials, log });
  const subscriptions = new StoredSubscriptions({ registry, policies, live, durable, store, denials, log });
  closers.add('stored subscriptions', () => subscriptions.close());

  const line = new WaitingLine(limits);
  const doors = new Doors({
    ...{ settings, secureContext, context, refusals, line, limits, metrics, log },
    receive: (transport) => void reception.receive(transport),
  });
  addFrontMetrics(metricsRegistry, { line, doors, limits });
  closers.add('connections', () => doors.dropAll());
  const tail = new JournalTail({
    registry,
    ...createEffects({
      ...{ live, cutOff, revocations, rebinding, subscriptions },
      onPolicyApplied: (policy) => tellOfUnkept(policy, { policies, limits, log }),
      reloadTrust: () => doors.reload(),
    }),
    onReplaced: dependencies.onFatal,
    onSilence: (milliseconds) => {
      if (milliseconds > limits.journalLoss)
        void cutOff.cutAll(live.allOpen(), 'registry_unavailable', clock.now() - milliseconds);
    },
    log,
  });
  const admission = new AdmissionControl({
    registry,
    policies,
    clock,
    journalSilence: () => tail.silence(),
    maxJournalSilence: limits.journalSilence,
  });
  const figures = new BrokerFigures({
    metrics: metricsRegistry,
    live,
    store,
    durable,
    line,
    subscriptions: () => broker.subscriptions,
    topics: systemTopics,
    version: packageVersion(),
    clock,
    log,
  });
  const broker: MessageBroker = await MessageBroker.start({
    live,
    durable,
    store,
    authorizer,
    cutOff,
    replay: new Replay({ sources: [observation.presenceTopics, figures], store, log }),
    onArrival: (connection) => {
      figures.arrived();
      presence.arrived(connection);
    },
    onDeparture: (connection, reason) => {
      figures.departed(connection);
      presence.departed(connection, reason);
    },
    metrics,
    overflows,
    limits,
    clock,
    log,
  });
  closers.add('sessions', () => broker.close());
  closers.add('figures', () => figures.close());
  // Before the sessions end: what is told then is that all of them do.
  closers.add('reports', () => observation.feed.close());
  closers.add('queue overflows', () => overflows.close());
  const reception = new Reception({
    live,
    durable,
    admission,
    revocations,
    firstUses: observation.firstUses,
    refusals,
    broker,
    cutOff,
    line,
    rates: new ConnectRates(limits),
    metrics,
    limits,
    clock,
    log,
  });

  // Before anyone is let in: from the row that the journal ends with now, nothing is missed.
  const place = await tail.start();
  closers.add('journal', () => tail.close());
  for (const policy of await registry.policies()) tellOfUnkept(policy, { policies, limits, log });
  await reviewStoredSessions({ registry, place, subscriptions, store, durable, log });
  tail.follow();
  closers.add('listeners', () => doors.stop());
  const addresses = await doors.open();

  const metricsListener = await listenForMetrics({
    host: settings.metricsHost,
    port: settings.metricsPort,
    registry: metricsRegistry,
    isHealthy: () => tail.silence() <= limits.journalSilence && database.failure === null,
  });
  closers.add('metrics', () => metricsListener.close());
  return { ...addresses, metricsUrl: metricsListener.url };
}
