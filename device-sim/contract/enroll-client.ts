/** The device's side of `POST /v1/enroll`: one CSR and one token go in, a certificate or a `Failure` comes out. */
import { Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import type { AwaitingResponse, EnrollRequest, EnrollResponse, Problem } from '../../core/api.ts';
import { isErrorCode } from '../../core/errors.ts';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { Failure, transportFailure } from './failure.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Far above any real answer; what exceeds it does not come from Gatehouse. */
const MAX_BODY_BYTES = 256 * 1024;
const TIMEOUT_MS = 30_000;
/** Statuses after which the same request may succeed later (RFC 9110 §15.5.9, §15.6; RFC 6585 §4). */
const TRANSIENT_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface EnrollAnswer {
  /** False where this token and key had the certificate already (status 200). */
  readonly created: boolean;
  readonly enrollment: EnrollResponse;
}

export interface EnrollClient {
  /** @throws Failure with the server's code, or that of the transport */
  enroll(token: string, csr: string, signal?: AbortSignal): Promise<EnrollAnswer>;
  close(): Promise<void>;
}

export interface EnrollClientOptions {
  /** The device listener, for example `https://localhost:8443`. */
  readonly url: string;
  /** PEM of the CA that the server's certificate must lead to. */
  readonly ca: string;
  /** Connections kept open at most. */
  readonly connections?: number;
}

const enrollmentSchema = z.object({
  deviceId: z.string().transform(parseDeviceId),
  serialNumber: z.string().transform(parseSerialNumber),
  certificate: z.string().startsWith('-----BEGIN CERTIFICATE-----'),
  chain: z.string().startsWith('-----BEGIN CERTIFICATE-----'),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  renewAfter: z.iso.datetime(),
  mqttUrl: z.url({ protocol: /^mqtts$/ }),
});

const awaitingSchema = z.object({ request: z.number().int() }) satisfies z.ZodType<
  Pick<AwaitingResponse, 'request'>
>;

const problemSchema = z.object({
  code: z.string().max(64),
  detail: z.string(),
  remedy: z.string(),
}) satisfies z.ZodType<Pick<Problem, 'code' | 'detail' | 'remedy'>>;

export function createEnrollClient({ url, ca, connections = 1 }: EnrollClientOptions): EnrollClient {
  const endpoint = new URL('/v1/enroll', url);
  const agent = new Agent({
    connections,
    connect: { ca, timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  return {
    async enroll(token, csr, signal) {
      const body: EnrollRequest = { csr };
      try {
        const response = await request(endpoint, {
          dispatcher: agent,
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
          signal: signal ?? null,
        });
        const text = await readBounded(response.body);
        if (response.statusCode === 200 || response.statusCode === 201) {
          return { created: response.statusCode === 201, enrollment: parseEnrollment(text) };
        }
        throw response.statusCode === 202 ? awaiting(response, text) : refusal(response, text);
      } catch (error) {
        throw transportFailure(error, endpoint.origin);
      }
    },
    close: () => agent.close(),
  };
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw misunderstood('the answer is far too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseEnrollment(text: string): EnrollResponse {
  try {
    return enrollmentSchema.parse(parseJson(text));
  } catch (error) {
    // zod's own error, or one of core's parsers for IDs.
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    const what = issue && `${issue.path.join('.')}: ${issue.message}`;
    throw misunderstood(what ?? (error as Error).message);
  }
}

/** RFC 7030 §4.2.3, of /v1/enroll as well: an operator has to decide, and the same request asks again. */
function awaiting({ headers }: Dispatcher.ResponseData, text: string): Failure {
  const answer = awaitingSchema.safeParse(parseJson(text));
  if (!answer.success) throw misunderstood('202 without the request that waits');
  const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
  return new Failure('approval_pending', `request ${answer.data.request} waits for an operator`, {
    retry: 'soon',
    retryAfter,
  });
}

function refusal({ statusCode, headers }: Dispatcher.ResponseData, text: string): Failure {
  const problem = problemSchema.safeParse(parseJson(text));
  const retry = TRANSIENT_STATUSES.has(statusCode) ? 'soon' : 'never';
  const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
  if (!problem.success) {
    return new Failure('not_gatehouse', `the server answered ${statusCode}, but not as Gatehouse does`, {
      retry,
      retryAfter,
    });
  }
  const { code, detail, remedy } = problem.data;
  const options = { retry, retryAfter, remedy } as const;
  if (isErrorCode(code)) return new Failure(code, detail, options);
  // A newer server may know more codes.
  return new Failure('enrollment_failed', `${detail} (${code})`, options);
}

/** Undefined, which no schema takes, where the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function misunderstood(what: string): Failure {
  return new Failure('enrollment_failed', `the answer to the enrollment is not understood: ${what}`, {
    retry: 'never',
    remedy: 'Check that the address is that of a Gatehouse device listener.',
  });
}
