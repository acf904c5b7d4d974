/** The broker process from start to end: start, say where it listens, wait for the signal, close. */
import { createLogger } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import { Closers, supervisorGone, untilShutdown } from '../runtime/shutdown.ts';
import { startBroker } from './service.ts';

export async function runBroker(settings: Settings, json: boolean): Promise<void> {
  const log = createLogger('broker', { level: settings.logLevel, format: settings.logFormat });
  const closers = new Closers();
  try {
    const addresses = await startBroker({ settings, log, closers });
    if (json) process.stdout.write(`${JSON.stringify({ ready: true, role: 'broker', ...addresses })}\n`);
    log.info(addresses, 'broker is ready');
    await untilShutdown(closers, log, supervisorGone());
  } catch (error) {
    await closers.closeAll(log);
    throw error;
  }
}
