/**
 * What the three HTTP listeners have in common: caps and deadlines on what comes in before anybody is known,
 * zod at the edge, problem details for every refusal, one log line a request that failed inside.
 */
import {
  createServer as createPlainServer,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { TLSSocket, type TlsOptions } from 'node:tls';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Problem } from '../../core/api/problem.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type Endpoint, listenFailure } from '../../runtime/listen-failure.ts';
import type { Logger } from '../../runtime/log.ts';
import { type PeerCertificate, readPeerCertificate } from '../../runtime/peer-certificate.ts';
import type { SecureContextSource } from '../../runtime/secure-context.ts';
import { problemOf, retryAfterOf } from './problem.ts';

const BODY_LIMIT = 32 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;
const RESPONSE_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 20_000;
/** Addresses whose requests are counted at one time; beyond them the one not seen for longest is forgotten. */
const COUNTED_ADDRESSES = 50_000;
/** Fastify's own compilers of JSON Schema, which schemas of zod have no use for: in their place, they are not even loaded. */
const notJsonSchema = () => {
  throw new Error('the schema of a route is of zod');
};
const ZOD_ALONE = { buildValidator: notJsonSchema, buildSerializer: notJsonSchema };
const WITHOUT_COUNTS = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
};

declare module 'fastify' {
  interface FastifyContextConfig {
    /** ms from the beginning of a request to the end of its answer, where that takes longer than usual. */
    responseTimeout?: number;
  }
}

export interface HttpServerOptions {
  readonly log: Logger;
  /** Absent for plain HTTP. */
  readonly tls?: TlsListener;
  readonly maxConnections: number;
  /** ms in which a request must have arrived whole, where that may take longer than usual. */
  readonly requestTimeout?: number;
  /** Requests a minute from one address; absent for no limit. */
  readonly addressRate?: number;
  /** Who asks, as the journal names them, for the log, where that has been proven. */
  readonly actorOf?: ((request: FastifyRequest) => string | undefined) | undefined;
  /** Told of every refusal, for the counters and for whoever explains it. */
  readonly onRefusal?: ((rule: string, request: FastifyRequest, detail: string) => void) | undefined;
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

export async function createHttpServer(options: HttpServerOptions) {
  const { tls, addressRate } = options;
  let unwatch = () => {};
  const server = fastify({
    bodyLimit: BODY_LIMIT,
    schemaController: { compilersFactory: ZOD_ALONE },
    serverFactory: (handler) => {
      if (tls === undefined) return withBounds(createPlainServer(handler), options);
      const listener = tlsServer(tls, handler);
      const unwatchFile = tls.source.watch(listener);
      const unwatchTrust = tls.watchTrust?.(() => tls.source.reload(listener));
      unwatch = () => {
        unwatchFile();
        unwatchTrust?.();
      };
      return withBounds(listener, options);
    },
  }).withTypeProvider<ZodTypeProvider>();
  server.addHook('onClose', async () => unwatch());
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.removeContentTypeParser('text/plain');

  const report = refusalReporter(options);
  server.setErrorHandler((error, request, reply) => {
    const problem = report(error, request);
    if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer realm="gatehouse"');
    const wait = retryAfterOf(error);
    if (wait !== undefined) reply.header('Retry-After', wait);
    return reply
      .status(problem.status)
      .type('application/problem+json')
      .serializer(JSON.stringify)
      .send(problem);
  });
  server.addHook('onRequest', async ({ routeOptions: { config } }, reply) => {
    endSlowReader(reply.raw, config.responseTimeout ?? RESPONSE_TIMEOUT_MS);
  });
  if (addressRate !== undefined) await limitByAddress(server, addressRate);
  // Limited too, where addresses are limited: otherwise asking for nothing would be free.
  const preHandler = addressRate === undefined ? [] : [server.rateLimit()];
  server.setNotFoundHandler({ preHandler }, (request) => {
    throw new GatehouseError('not_found', `this listener has no such ${request.method} call`);
  });
  return server;
}

export type HttpServer = Awaited<ReturnType<typeof createHttpServer>>;

/** What is logged and counted of every refusal, in whichever form it is then answered. */
export type RefusalReporter = (error: unknown, request: FastifyRequest) => Problem;

export function refusalReporter({
  log,
  actorOf,
  onRefusal,
}: Pick<HttpServerOptions, 'log' | 'actorOf' | 'onRefusal'>): RefusalReporter {
  return (error, request) => {
    const { method, routeOptions, ip: address } = request;
    const { body, fault } = problemOf(error);
    const { code: rule, detail, remedy } = body;
    // The route and not the address as it came: whatever is typed into a path may be a secret.
    const call = { method, route: routeOptions.url, address, actor: actorOf?.(request) };
    if (fault === undefined) log.warn({ rule, detail, remedy, ...call }, 'request refused');
    else log.error({ err: fault.error, fault: fault.id, ...call }, 'request failed');
    onRefusal?.(rule, request, detail);
    return body;
  };
}

/** @returns the port that it really listens on @throws GatehouseError `port_in_use`, `setting_invalid` */
export async function listen(server: HttpServer, endpoint: Endpoint): Promise<number> {
  const { host, port } = endpoint;
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw listenFailure(error, endpoint);
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
function withBounds(
  server: Server,
  { maxConnections, requestTimeout = REQUEST_TIMEOUT_MS }: HttpServerOptions,
): Server {
  server.maxConnections = maxConnections;
  server.requestTimeout = requestTimeout;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = IDLE_TIMEOUT_MS;
  server.setTimeout(IDLE_TIMEOUT_MS);
  return server;
}

/** Nor by reading slowly: the idle timeout alone begins anew with every byte that is taken. */
function endSlowReader(response: ServerResponse, timeout: number): void {
  const deadline = setTimeout(() => response.destroy(), timeout).unref();
  response.once('close', () => clearTimeout(deadline));
}

async function limitByAddress(server: FastifyInstance, requestsPerMinute: number): Promise<void> {
  await server.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    cache: COUNTED_ADDRESSES,
    // A whole /64 is one subscriber's: counting its addresses one by one would be no limit.
    ipv6Subnet: 64,
    // Retry-After says what matters; strongSwan's EST client has room for 1,024 bytes of headers.
    addHeaders: WITHOUT_COUNTS,
    addHeadersOnExceeding: WITHOUT_COUNTS,
    errorResponseBuilder: (_request, { after }) =>
      new GatehouseError('rate_limited', `too many requests from this address; go on after ${after}`),
  });
}
