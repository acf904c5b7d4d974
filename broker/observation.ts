/**
 * What the broker tells of devices, put together: to enroll by the feed of reports, to services that are granted it by
 * the broker's own topics.
 */
import type { Clock } from '../core/clock.ts';
import { RefusalLedger } from '../core/observations/refusal-ledger.ts';
import type { RegistryView } from '../registry/port/registry.ts';
import { ReportWriter } from '../registry/reports/writer.ts';
import type { Logger } from '../runtime/log.ts';
import type { BrokerLimits } from './limits.ts';
import { DevicePresence } from './presence/device-presence.ts';
import { PresenceTopics } from './presence/presence-topics.ts';
import { FirstUses } from './reports/first-uses.ts';
import { Refusals } from './reports/refusals.ts';
import { ReportFeed } from './reports/report-feed.ts';
import type { SystemTopics } from './system-topics/system-topics.ts';

export interface ObservationOptions {
  readonly registry: RegistryView;
  /** Of the reports. */
  readonly folder: string;
  readonly systemTopics: SystemTopics;
  readonly limits: Pick<BrokerLimits, 'reportInterval'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export async function startObservation(options: ObservationOptions) {
  const { registry, folder, systemTopics, limits, clock, log } = options;
  const ledger = new RefusalLedger();
  const firstUses = new FirstUses({ clock, onNote: () => feed.urged() });
  const refusals = new Refusals({ ledger, registry, clock, onNote: () => feed.noted() });
  const presence: DevicePresence = new DevicePresence({
    clock,
    onChange: (device) => {
      feed.noted();
      presenceTopics.changed(device);
    },
  });
  const presenceTopics = new PresenceTopics({ presence, registry, topics: systemTopics, clock, log });
  const writer = await ReportWriter.open(folder, await registry.observations.lastReport());
  const feed = new ReportFeed({
    writer,
    registry,
    firstUses,
    presence,
    refusals: ledger,
    limits,
    clock,
    log,
  });
  return { firstUses, refusals, presence, presenceTopics, feed };
}
