/**
 * Why an attempt at the contract failed, in one form for HTTP, TLS and MQTT: a stable code to count by, whether
 * another attempt can succeed, and how long the server asked to wait first.
 */
import { type ErrorCode, GatehouseError } from '../../core/errors.ts';
import { describeConnectionError } from '../../runtime/command-line/connection-error.ts';

/**
 * What another attempt with the same identity is worth: `soon` it may succeed; `later`, once an operator has done
 * something about it; or `never`.
 */
export type Retry = 'soon' | 'later' | 'never';

export interface FailureOptions extends ErrorOptions {
  readonly retry: Retry;
  /** Milliseconds that the server asked to wait (RFC 9110 §10.2.3), or null. */
  readonly retryAfter?: number | null;
  /** What a person can do about it; where absent, what the table of errors says. */
  readonly remedy?: string;
}

export class Failure extends GatehouseError {
  override readonly name = 'Failure';
  readonly retry: Retry;
  readonly retryAfter: number | null;
  readonly #remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: FailureOptions) {
    super(code, message, options);
    this.retry = options.retry;
    this.retryAfter = options.retryAfter ?? null;
    this.#remedy = options.remedy;
  }

  override get remedy(): string {
    return this.#remedy ?? super.remedy;
  }
}

/** An error of this device's own checks as a failure for good; anything unforeseen is thrown on. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof GatehouseError) {
    return new Failure(error.code, error.message, { retry: 'never', cause: error });
  }
  throw error;
}

/** What OpenSSL says of a certificate out of its period: the fault may be with whoever looks at it. */
const PERIOD = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/;

function setClock(): string {
  return `Check the clock of this device first, which says ${new Date().toISOString()}; if it is right, the server's certificate is out of its period.`;
}

/**
 * What a network or TLS error means to a device.
 * @param where the address, for the message
 */
export function transportFailure(error: unknown, where: string): Failure {
  if (error instanceof Failure) return error;
  const { code, message, untrusted } = describeConnectionError(error);
  if (untrusted) {
    const detail = `${where} is not trusted: ${message}`;
    const options = { retry: 'never', cause: error } as const;
    return new Failure(
      'server_untrusted',
      detail,
      PERIOD.test(code) ? { ...options, remedy: setClock() } : options,
    );
  }
  // The TLS alerts by which a server refuses a certificate (RFC 8446 §6.2), as OpenSSL names them.
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) {
    const alert = code
      .replace(/^ERR_SSL_.*ALERT_/, '')
      .toLowerCase()
      .replaceAll('_', ' ');
    const detail = `${where} refused the certificate: ${alert}`;
    return new Failure('tls_refused', detail, { retry: 'never', cause: error });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return connectionLost(where, { cause: error });
  const detail = `${where} cannot be reached: ${message}`;
  return new Failure('server_unreachable', detail, { retry: 'soon', cause: error });
}

/** The connection ended without a word, before or after it was of use. */
export function connectionLost(where: string, options?: ErrorOptions): Failure {
  return new Failure('connection_lost', `the connection to ${where} was lost`, { ...options, retry: 'soon' });
}
