/**
 * `gatehouse migrate`: what must be in order before the broker starts. The registry has this version's schema,
 * and the listeners have their certificates, whatever state an upgrade or a restored backup left them in.
 */
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import { Closers } from '../runtime/shutdown.ts';
import { openData } from './open-data.ts';
import { ensureServerCertificates } from './server-certificates.ts';
import { configuredStatusUrl } from './status-url.ts';

/** @throws GatehouseError as `openData` does */
export async function migrate(settings: Settings): Promise<void> {
  const log = createLogger('migrate', { level: settings.logLevel, format: settings.logFormat });
  const closers = new Closers();
  try {
    const { layout, registry, issuing } = await openData(settings, systemClock, closers);
    const statusUrl = configuredStatusUrl(settings);
    const context = {
      registry,
      issuer: issuing.current(),
      clock: systemClock,
      hostnames: settings.hostname,
      ...(statusUrl === undefined ? {} : { statusUrl }),
    };
    await ensureServerCertificates(context, layout, log);
  } finally {
    await closers.closeAll(log);
  }
}
