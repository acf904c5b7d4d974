/** The enroll process from start to end: start, say where it listens, wait for the signal, close. */
import { createLogger } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import { Closers, supervisorGone, untilShutdown } from '../runtime/shutdown.ts';
import { startEnroll } from './service.ts';

export async function runEnroll(settings: Settings, json: boolean): Promise<void> {
  const log = createLogger('enroll', { level: settings.logLevel, format: settings.logFormat });
  const closers = new Closers();
  try {
    const addresses = await startEnroll(settings, log, closers);
    if (json) process.stdout.write(`${JSON.stringify({ ready: true, role: 'enroll', ...addresses })}\n`);
    log.info(addresses, 'enroll is ready');
    await untilShutdown(closers, log, supervisorGone());
  } catch (error) {
    await closers.closeAll(log);
    throw error;
  }
}
