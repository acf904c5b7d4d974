/**
 * What the three HTTP listeners have in common: caps and deadlines on what comes in before anybody is known,
 * zod at the edge, problem details for every refusal, one log line a request that failed inside.
 */
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { TLSSocket, type TlsOptions } from 'node:tls';
import fastify, { type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Problem } from '../../core/api.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { type PeerCertificate, readPeerCertificate } from '../../runtime/peer-certificate.ts';
import type { SecureContextSource } from '../../runtime/secure-context.ts';
import { problemOf } from '../problem.ts';

export const BODY_LIMIT = 32 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 20_000;

export interface HttpServerOptions {
  readonly log: Logger;
  /** Absent for plain HTTP. */
  readonly tls?: TlsListener;
  /** Told of every refusal, for the counters. */
  readonly onRefusal?: ((code: string) => void) | undefined;
}

export interface TlsListener {
  readonly source: SecureContextSource;
  /** What the source holds at the start. */
  readonly context: TlsOptions;
  /**
   * Where it is there, clients are asked for a certificate. Nobody has to show one: each route says what it needs.
   * Calls `reload` whenever the trust anchors have changed, and returns the function that ends it.
   */
  readonly watchTrust?: (reload: () => Promise<void>) => () => void;
}

export function createHttpServer({ log, tls, onRefusal }: HttpServerOptions) {
  let unwatch = () => {};
  const server = fastify({
    bodyLimit: BODY_LIMIT,
    serverFactory: (handler) => {
      if (tls === undefined) return withDeadlines(createPlainServer(handler));
      const listener = tlsServer(tls, handler);
      const unwatchFile = tls.source.watch(listener);
      const unwatchTrust = tls.watchTrust?.(() => tls.source.reload(listener));
      unwatch = () => {
        unwatchFile();
        unwatchTrust?.();
      };
      return withDeadlines(listener);
    },
  }).withTypeProvider<ZodTypeProvider>();
  server.addHook('onClose', async () => unwatch());
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.removeContentTypeParser('text/plain');

  const report = refusalReporter({ log, onRefusal });
  server.setErrorHandler((error, request, reply) => {
    const problem = report(error, request);
    if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer realm="gatehouse"');
    return reply
      .status(problem.status)
      .type('application/problem+json')
      .serializer(JSON.stringify)
      .send(problem);
  });
  server.setNotFoundHandler((request) => {
    throw new GatehouseError(
      'not_found',
      `${request.method} ${request.url.slice(0, 200)} is not a call of this listener`,
    );
  });
  return server;
}

export type HttpServer = ReturnType<typeof createHttpServer>;

/** What is logged and counted of every refusal, in whichever form it is then answered. */
export type RefusalReporter = (error: unknown, request: FastifyRequest) => Problem;

export function refusalReporter({
  log,
  onRefusal,
}: Pick<HttpServerOptions, 'log' | 'onRefusal'>): RefusalReporter {
  return (error, { method, url, ip }) => {
    const { body, fault } = problemOf(error);
    if (fault !== undefined) {
      log.error({ err: fault.error, fault: fault.id, method, url }, 'request failed');
    } else {
      log.info({ code: body.code, detail: body.detail, address: ip, url }, 'request refused');
    }
    onRefusal?.(body.code);
    return body;
  };
}

/** @returns the port that it really listens on */
export async function listen(server: HttpServer, host: string, port: number): Promise<number> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new GatehouseError('port_in_use', `${host}:${port} is taken`, { cause: error });
  }
  const address = server.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1), undefined where there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]{1,512}) *$/i.exec(authorization ?? '')?.[1];
}

/** The certificate that the client of this request showed; undefined where it showed none. */
export function peerCertificateOf({ socket }: FastifyRequest): PeerCertificate | undefined {
  return socket instanceof TLSSocket ? readPeerCertificate(socket) : undefined;
}

/**
 * `rejectUnauthorized` is false, as on the MQTT listener: the routes judge a certificate themselves, and can say
 * what is wrong with it. Node calls such a socket unauthorized; `verifyPeer` lets none of them past.
 */
function tlsServer({ context, watchTrust }: TlsListener, handler: RequestListener): TlsServer {
  const clients = { requestCert: watchTrust !== undefined, rejectUnauthorized: false };
  return createTlsServer({ ...context, ...clients, handshakeTimeout: IDLE_TIMEOUT_MS }, handler);
}

/** Nobody holds a connection open by sending slowly or not at all. */
function withDeadlines(server: Server): Server {
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = IDLE_TIMEOUT_MS;
  server.setTimeout(IDLE_TIMEOUT_MS);
  return server;
}
