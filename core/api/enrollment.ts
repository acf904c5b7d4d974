/** What devices ask enroll for and are answered. Times are ISO 8601 in UTC; certificates are PEM. */
import type { DeviceId, SerialNumber } from '../ids.ts';

/**
 * POST /v1/enroll, with a token or a factory certificate, and POST /v1/renew, with the certificate to renew: 201, or
 * 200 where the same key has this certificate already. An enrollment that waits for an operator is 202, an `AwaitingResponse`.
 */
export interface EnrollRequest {
  readonly csr: string;
}

export interface EnrollResponse {
  readonly deviceId: DeviceId;
  readonly serialNumber: SerialNumber;
  /** The device's certificate. */
  readonly certificate: string;
  /** The issuing CA's certificate and whatever is between it and the root, without the root. */
  readonly chain: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly renewAfter: string;
  readonly mqttUrl: string;
}

/** The same request, after as many seconds as it says (and the header Retry-After), asks how it stands. */
export interface AwaitingResponse {
  readonly status: 'pending';
  /** For the operator: `gatehouse request show`. */
  readonly request: number;
  readonly deviceId: DeviceId;
  /** Seconds. */
  readonly retryAfter: number;
}
