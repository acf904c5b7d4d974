/**
 * Why an attempt at the contract failed, in one form for HTTP, TLS and MQTT: a stable code to count by, whether
 * another attempt can succeed, and how long the server asked to wait first.
 */
import { isNativeError } from 'node:util/types';
import { type ErrorCode, errorCatalog, GatehouseError } from '../../core/errors.ts';

export interface FailureOptions extends ErrorOptions {
  /** True where trying again with the same identity is pointless. */
  readonly permanent: boolean;
  /** Milliseconds that the server asked to wait (RFC 9110 §10.2.3), or null. */
  readonly retryAfter?: number | null;
  /** What a person can do about it. */
  readonly remedy?: string;
}

export class Failure extends Error {
  override readonly name = 'Failure';
  /** A code of core/errors.ts, or one of the transport: `connection_lost`, `tls_refused`, `mqtt_…`. */
  readonly code: string;
  readonly permanent: boolean;
  readonly retryAfter: number | null;
  readonly remedy: string | null;

  constructor(code: string, message: string, options: FailureOptions) {
    super(message, options);
    this.code = code;
    this.permanent = options.permanent;
    this.retryAfter = options.retryAfter ?? null;
    this.remedy = options.remedy ?? null;
  }
}

/** A permanent failure whose remedy is in core's table of errors. */
export function permanentFailure(code: ErrorCode, message: string, options?: ErrorOptions): Failure {
  return new Failure(code, message, { ...options, permanent: true, remedy: errorCatalog[code].remedy });
}

/** An error of this device's own checks as a permanent failure; anything unforeseen is thrown on. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof GatehouseError) return permanentFailure(error.code, error.message, { cause: error });
  throw error;
}

/** Node's codes for a server certificate that does not lead to the given CA, or names another host. */
const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * What a network or TLS error means to a device.
 * @param where the address, for the message
 */
export function transportFailure(error: unknown, where: string): Failure {
  if (error instanceof Failure) return error;
  const { code = '', message } = describe(error);
  if (UNTRUSTED.has(code)) {
    return permanentFailure('server_untrusted', `${where} is not trusted: ${message}`, { cause: error });
  }
  // The TLS alerts by which a server refuses a certificate (RFC 8446 §6.2), as OpenSSL names them.
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) {
    const alert = code
      .replace(/^ERR_SSL_.*ALERT_/, '')
      .toLowerCase()
      .replaceAll('_', ' ');
    return new Failure('tls_refused', `${where} refused the certificate: ${alert}`, {
      cause: error,
      permanent: true,
    });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return connectionLost(where, { cause: error });
  return new Failure('server_unreachable', `${where} cannot be reached: ${message}`, {
    cause: error,
    permanent: false,
    remedy: errorCatalog.server_unreachable.remedy,
  });
}

/** The connection ended without a word, before or after it was of use. */
export function connectionLost(where: string, options?: ErrorOptions): Failure {
  return new Failure('connection_lost', `the connection to ${where} was lost`, {
    ...options,
    permanent: false,
  });
}

/** Several addresses tried at once fail with an AggregateError, whose own message is empty: the first tells. */
function describe(error: unknown): { code?: string; message: string } {
  if (!isNativeError(error)) return { message: String(error) };
  const { errors, code, message, name } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  if (errors?.[0] !== undefined) return describe(errors[0]);
  return { ...(code === undefined ? {} : { code }), message: message || (code ?? name) };
}
