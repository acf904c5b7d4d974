/** Sending an answer in the only form that every EST client reads: Content-Length, few fields, names as in the RFCs. */
import type { FastifyReply } from 'fastify';

/**
 * Sends what `reply` has been given so far, and `body`. libest tells the names of header fields apart by their case
 * (`Content-Type` it knows, `content-type` it does not) and fastify writes all of them small, so this goes around it.
 */
export function sendAnswer(reply: FastifyReply, body: string): FastifyReply {
  const names = Object.entries({ ...reply.getHeaders(), 'content-length': Buffer.byteLength(body) });
  reply.hijack();
  reply.raw.writeHead(
    reply.statusCode,
    Object.fromEntries(names.map(([name, value]) => [fieldName(name), value])),
  );
  reply.raw.end(body);
  return reply;
}

/** Answers with a line of text for people (RFC 7030 §4.2.3, §4.4.2). */
export function sendText(reply: FastifyReply, line: string): FastifyReply {
  return sendAnswer(reply.type('text/plain; charset=utf-8'), `${line}\n`);
}

/**
 * The same where the client has something else to go on than the text: 202 and the challenge of 401, which bid it come
 * again. Bouncy Castle fails on these if they have a body, which it does not read. It is one of those that send no
 * User-Agent, and these show nobody the text.
 */
export function sendHint(reply: FastifyReply, line: string): FastifyReply {
  return reply.request.headers['user-agent'] === undefined ? sendAnswer(reply, '') : sendText(reply, line);
}

/** `content-type` → `Content-Type` */
function fieldName(name: string): string {
  if (name === 'www-authenticate') return 'WWW-Authenticate';
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
