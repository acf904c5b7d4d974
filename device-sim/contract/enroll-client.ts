/** The device's side of the device listener: a CSR goes in, with a token or over mutual TLS, and a certificate comes out. */
import { Agent } from 'undici';
import type { EnrollRequest } from '../../core/api/enrollment.ts';
import { type EnrollAnswer, readEnrollAnswer, refusal } from './enroll-answer.ts';
import { exchange, type HttpAnswer, type HttpRequest } from './http-exchange.ts';
import { type TlsIdentity, tlsOptions } from './tls-identity.ts';

/** Short enough for a certificate of a minute to be asked for again. */
const TIMEOUT_MS = 10_000;

export interface EnrollClient {
  /** @throws Failure with the server's code, or that of the transport */
  enroll(token: string, csr: string, signal?: AbortSignal): Promise<EnrollAnswer>;
  /** For the certificate that the client was given. @throws Failure */
  renew(csr: string, signal?: AbortSignal): Promise<EnrollAnswer>;
  /** PEM of the CA certificates to trust from now on, as far as one trusts those of before. @throws Failure */
  trustAnchors(signal?: AbortSignal): Promise<string>;
  /** Ends what is under way, too. */
  close(): Promise<void>;
}

/** `credentials` are what is to be renewed. One client, one certificate, since it keeps connections open. */
export interface EnrollClientOptions extends TlsIdentity {
  /** The device listener, for example `https://localhost:8443`. */
  readonly url: string;
  /** Connections kept open at most. */
  readonly connections?: number;
  /** Told the server's time, ms since the epoch, with every answer that has it. */
  readonly onServerTime?: (time: number) => void;
}

type RequestDetails = Omit<HttpRequest, 'dispatcher' | 'url'>;

export function createEnrollClient(options: EnrollClientOptions): EnrollClient {
  const { url, connections = 1, onServerTime } = options;
  const dispatcher = new Agent({
    connections,
    connect: { ...tlsOptions(options), timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });

  async function call(path: string, details: RequestDetails): Promise<HttpAnswer> {
    const answer = await exchange({ dispatcher, url: new URL(path, url), ...details });
    const time = Date.parse(String(answer.headers.date));
    if (!Number.isNaN(time)) onServerTime?.(time);
    return answer;
  }

  async function send(path: string, csr: string, { headers, signal }: Omit<RequestDetails, 'method'>) {
    const body: EnrollRequest = { csr };
    const answer = await call(path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    return readEnrollAnswer(answer);
  }

  return {
    enroll: (token, csr, signal) =>
      send('/v1/enroll', csr, { headers: { authorization: `Bearer ${token}` }, signal }),
    renew: (csr, signal) => send('/v1/renew', csr, { signal }),
    async trustAnchors(signal) {
      const answer = await call('/v1/ca', { method: 'GET', signal });
      if (answer.status !== 200) throw refusal(answer);
      return answer.text;
    },
    close: () => dispatcher.destroy(),
  };
}
