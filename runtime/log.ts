/** The log: JSON lines on standard error, or readable lines where a person watches. Standard output stays free for results. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly format: 'json' | 'text';
}

/** `role` names the process in every line. Fields that could hold a secret are cut out, whoever logs them. */
export function createLogger(role: string, options: LogOptions): Logger {
  const destination: DestinationStream =
    options.format === 'text'
      ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname,role', messageFormat: '{role}: {msg}' })
      : pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level: options.level,
      base: { role },
      timestamp: stdTimeFunctions.isoTime,
      redact: {
        paths: [
          'token',
          'authorization',
          'passphrase',
          'key',
          'req.headers.authorization',
          '*.token',
          '*.passphrase',
        ],
        remove: true,
      },
    },
    destination,
  );
}
