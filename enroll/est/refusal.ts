/** Refusals as EST clients show them: a status, and a line of plain text (RFC 7030 §4.2.3, §4.4.2). */
import { GatehouseError } from '../../core/errors.ts';
import type { HttpServer, RefusalReporter } from '../http/http-server.ts';
import { retryAfterOf } from '../http/problem.ts';
import { sendHint, sendText } from './answer.ts';

/** Replaces the problem details of the listener within `est`. */
export function answerInText(est: HttpServer, report: RefusalReporter): void {
  est.setErrorHandler((error, request, reply) => {
    const { status, code, detail } = report(error, request);
    // RFC 7030 §3.2.3
    if (status === 401) reply.header('WWW-Authenticate', 'Basic realm="gatehouse"');
    const wait = retryAfterOf(error);
    if (wait !== undefined) reply.header('Retry-After', wait);
    reply.status(estStatus(status));
    // Who sent no credentials may hold them back until it is asked for them.
    const send = status === 401 && request.headers.authorization === undefined ? sendHint : sendText;
    send(reply, `${code}: ${detail}`);
  });
  est.setNotFoundHandler(() => {
    throw new GatehouseError('not_found', 'there is no such operation of EST here');
  });
}

/** EST knows no conflicts: what is refused for the state of things is simply not allowed. */
function estStatus(status: number): number {
  return status === 409 ? 403 : status;
}
