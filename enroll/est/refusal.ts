/** Refusals as EST clients show them: a status, and a line of plain text (RFC 7030 §4.2.3, §4.4.2). */
import { GatehouseError } from '../../core/errors.ts';
import type { HttpServer, RefusalReporter } from '../http/http-server.ts';
import { retryAfterOf } from '../http/problem.ts';
import { sendAnswer } from './answer.ts';

/** Replaces the problem details of the listener within `est`. */
export function answerInText(est: HttpServer, report: RefusalReporter): void {
  est.setErrorHandler((error, request, reply) => {
    const { status, code, detail } = report(error, request);
    // RFC 7030 §3.2.3
    if (status === 401) reply.header('WWW-Authenticate', 'Basic realm="gatehouse"');
    const wait = retryAfterOf(code);
    if (wait !== undefined) reply.header('Retry-After', wait);
    reply.status(estStatus(status)).type('text/plain; charset=utf-8');
    sendAnswer(reply, `${code}: ${detail}\n`);
  });
  est.setNotFoundHandler(() => {
    throw new GatehouseError('not_found', 'there is no such operation of EST here');
  });
}

/** EST knows no conflicts: what is refused for the state of things is simply not allowed. */
function estStatus(status: number): number {
  return status === 409 ? 403 : status;
}
