/** A device listener on loopback whose answers a test decides, request by request. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Authority } from './authority.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

export type Answer = (request: ReceivedRequest, response: ServerResponse) => Promise<void> | void;

export interface EnrollServer {
  readonly url: string;
  readonly port: number;
  answer: Answer;
  readonly requests: ReceivedRequest[];
  close(): void;
}

export async function startEnrollServer(authority: Authority, answer: Answer): Promise<EnrollServer> {
  const server = createServer(await authority.serverCredentials(['localhost']));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const running: EnrollServer = {
    url: `https://localhost:${address.port}`,
    port: address.port,
    answer,
    requests: [],
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void receive(request).then((received) => {
      running.requests.push(received);
      return running.answer(received, response);
    });
  });
  return running;
}

async function receive(request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    contentType: request.headers['content-type'],
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** A JSON body with its status. */
export function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** The lawful answers. */
export function enrolling(authority: Authority): Answer {
  return async ({ path, body }, response) => {
    if (path === '/v1/ca') return void response.end(authority.ca);
    const { csr } = JSON.parse(body) as { csr: string };
    json(response, 201, await authority.enroll(csr));
  };
}
