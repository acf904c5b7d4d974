/** An EST client that shows everything: the bytes of an answer as they came, over a TLS connection of the test's choice. */

import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { implicit, objectIdentifier, sequence, setOf, utf8String } from '../../core/pki/der.ts';
import { oids } from '../../core/pki/oids.ts';
import { buildRequest, nameOf } from '../pki/request-builder.ts';
import type { TestEnroll } from '../support/enroll-service.ts';

export interface EstAnswer {
  readonly status: number;
  /** The status line and the header fields, up to and with the empty line. */
  readonly head: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface EstCall {
  /** Behind /.well-known/est */
  readonly path: string;
  /** A body makes it a POST of application/pkcs10; a function is given the connection first. */
  readonly body?: string | ((socket: TLSSocket) => string);
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: ConnectionOptions;
}

/** Opens a connection to the device listener, trusting its CA. */
export async function connectTo(service: TestEnroll, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(service.enrollUrl);
  const socket = connect({
    host: hostname,
    servername: hostname,
    port: Number(port),
    ca: service.ca,
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** One call over a connection of its own. */
export async function callEst(service: TestEnroll, call: EstCall): Promise<EstAnswer> {
  const socket = await connectTo(service, call.tls);
  try {
    return await callOver(socket, call);
  } finally {
    socket.destroy();
  }
}

export async function callOver(socket: TLSSocket, { path, body, headers = {} }: EstCall): Promise<EstAnswer> {
  const content = typeof body === 'function' ? body(socket) : body;
  const fields = {
    Host: 'localhost',
    ...(content === undefined
      ? {}
      : { 'Content-Type': 'application/pkcs10', 'Content-Length': String(Buffer.byteLength(content)) }),
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  const method = content === undefined ? 'GET' : 'POST';
  socket.write(
    `${[`${method} /.well-known/est${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${content ?? ''}`,
  );
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    const answer = parseAnswer(text);
    if (answer !== undefined) return answer;
  }
  throw new Error(`the connection ended within an answer: ${text}`);
}

/** Undefined until the answer is there as a whole. Answers in chunks have no Content-Length and never are. */
function parseAnswer(text: string): EstAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = text.slice(0, end + 4);
  const [statusLine = '', ...lines] = head.trimEnd().split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const status = Number(statusLine.split(' ')[1]);
  const length = status === 204 ? 0 : Number(headers['content-length']);
  const body = text.slice(end + 4);
  return body.length >= length ? { status, head, headers, body } : undefined;
}

export function basic(user: string, password: string): { Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

export interface CsrParts {
  readonly commonName: string;
  readonly privateKey: KeyObject;
  readonly challengePassword?: string;
}

/** DER of a request, with a challengePassword if there is to be one. */
export function csrDer({ commonName, privateKey, challengePassword }: CsrParts): Buffer {
  const attributes =
    challengePassword === undefined
      ? implicit(0)
      : implicit(0, sequence(objectIdentifier(oids.challengePassword), setOf(utf8String(challengePassword))));
  return Buffer.from(buildRequest({ privateKey, subject: nameOf(commonName), attributes }));
}

/** The same as base64 in one piece. */
export function csrText(parts: CsrParts): string {
  return csrDer(parts).toString('base64');
}
