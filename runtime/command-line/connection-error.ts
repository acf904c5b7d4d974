/** What Node and OpenSSL say of a connection that did not come about, sorted and in plain words. */
import { isNativeError } from 'node:util/types';

/** What OpenSSL's verification of the chain and Node's check of the name have in their codes. */
const UNTRUSTED = /CERT|UNABLE_TO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH/;

/** `80B5…:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:FILE:LINE:…`, as OpenSSL queues it. */
const OPENSSL_LINE = /[0-9A-F]+:error:[0-9A-F]{8}:[^:\n]*:[^:\n]*:([^:\n]*):[^\n]*\n?/g;

export interface ConnectionError {
  /** Empty where there is none. */
  readonly code: string;
  readonly message: string;
  /** Whether a certificate of the server does not lead to the given CA, is not valid, or names another host. */
  readonly untrusted: boolean;
}

/** Several addresses tried at once fail with an AggregateError, whose own message is empty: the first tells. */
export function describeConnectionError(error: unknown): ConnectionError {
  if (!isNativeError(error)) return { code: '', message: String(error), untrusted: false };
  const { errors, code = '', message, name } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  if (errors?.[0] !== undefined) return describeConnectionError(errors[0]);
  return {
    code,
    message: withoutOpenSslLines(message) || code || name,
    // OpenSSL's own (`ERR_SSL_…_ALERT_BAD_CERTIFICATE`) are not of verification; alerts speak of our certificate.
    untrusted: UNTRUSTED.test(code) && !/^ERR_O?SSL_/.test(code),
  };
}

/** With nothing but the reason left of each line of OpenSSL's. */
export function withoutOpenSslLines(message: string): string {
  return message.replaceAll(OPENSSL_LINE, '$1 ').trim();
}
