/** What the device listener answers: a certificate, or why there is none. */
import { z } from 'zod';
import type { AwaitingResponse, EnrollResponse } from '../../core/api/enrollment.ts';
import type { Problem } from '../../core/api/problem.ts';
import { type ErrorCode, isErrorCode } from '../../core/errors.ts';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { Failure, type Retry } from './failure.ts';
import { type HttpAnswer, misunderstood } from './http-exchange.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Statuses after which the same request may succeed later (RFC 9110 §15.5.9, §15.6; RFC 6585 §4). */
const TRANSIENT_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);
/** What an operator lifts again. */
const LIFTABLE = new Set<ErrorCode>(['device_suspended', 'certificate_suspended']);

export interface EnrollAnswer {
  /** False where this key had the certificate already (status 200). */
  readonly created: boolean;
  readonly enrollment: EnrollResponse;
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

/** @throws Failure with the server's code where it refused; `approval_pending` */
export function readEnrollAnswer(answer: HttpAnswer): EnrollAnswer {
  const { status, text } = answer;
  if (status === 202) throw awaiting(answer);
  if (status !== 200 && status !== 201) throw refusal(answer);
  return { created: status === 201, enrollment: parseEnrollment(text) };
}

/** What an answer that is no success says. */
export function refusal({ status, headers, text }: HttpAnswer): Failure {
  const problem = problemSchema.safeParse(parseJson(text));
  const retry: Retry = TRANSIENT_STATUSES.has(status) ? 'soon' : 'never';
  const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
  if (!problem.success) {
    const detail = `the server answered ${status}, but not as Gatehouse does`;
    return new Failure('not_gatehouse', detail, { retry, retryAfter });
  }
  const { code, detail, remedy } = problem.data;
  if (isErrorCode(code)) {
    return new Failure(code, detail, { retry: LIFTABLE.has(code) ? 'later' : retry, retryAfter, remedy });
  }
  // A newer server may know more codes.
  return new Failure('enrollment_failed', `${detail} (${code})`, { retry, retryAfter, remedy });
}

/** RFC 7030 §4.2.3, of /v1/enroll as well: an operator has to decide, and the same request asks again. */
function awaiting({ headers, text }: HttpAnswer): Failure {
  const answer = awaitingSchema.safeParse(parseJson(text));
  if (!answer.success) throw misunderstood('202 without the request that waits');
  const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
  return new Failure('approval_pending', `request ${answer.data.request} waits for an operator`, {
    retry: 'soon',
    retryAfter,
  });
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

/** Undefined, which no schema takes, where the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
