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

/** `content-type` → `Content-Type` */
function fieldName(name: string): string {
  if (name === 'www-authenticate') return 'WWW-Authenticate';
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
