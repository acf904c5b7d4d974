/** The broker process from start to end: start, say where it listens, wait for the signal, close. */
import type { GatehouseError } from '../core/errors.ts';
import { createLogger } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import { Closers, supervisorGone, untilShutdown } from '../runtime/shutdown.ts';
import { startBroker } from './service.ts';

export async function runBroker(settings: Settings, json: boolean): Promise<void> {
  const log = createLogger('broker', { level: settings.logLevel, format: settings.logFormat });
  const closers = new Closers();
  try {
    const failure = new AbortController();
    const onFatal = (error: GatehouseError) => failure.abort(error);
    const addresses = await startBroker({ settings, log, closers, onFatal });
    if (json) process.stdout.write(`${JSON.stringify({ ready: true, role: 'broker', ...addresses })}\n`);
    log.info(addresses, 'broker is ready');
    const signals = [failure.signal, supervisorGone()].filter((signal) => signal !== undefined);
    await untilShutdown(closers, log, AbortSignal.any(signals));
    failure.signal.throwIfAborted();
  } catch (error) {
    await closers.closeAll(log);
    throw error;
  }
}
