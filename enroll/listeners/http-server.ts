/**
 * What the three HTTP listeners have in common: caps and deadlines on what comes in before anybody is known,
 * zod at the edge, problem details for every refusal, one log line a request that failed inside.
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import {
  createServer as createPlainServer,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { GatehouseError } from '../../core/errors.ts';
import { type Endpoint, listenFailure } from '../../runtime/listen-failure.ts';
import type { Logger } from '../../runtime/log.ts';
import { problemOf } from '../problem.ts';

export const BODY_LIMIT = 32 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;
const RESPONSE_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 20_000;
/** Addresses whose requests are counted at one time; beyond them the one not seen for longest is forgotten. */
const COUNTED_ADDRESSES = 50_000;
const CERTIFICATE_POLL_MS = 1_000;

export interface HttpServerOptions {
  readonly log: Logger;
  /** PEM file with key, certificate and chain; absent for plain HTTP. */
  readonly tlsFile?: string;
  readonly maxConnections: number;
  /** Requests a minute from one address; absent for no limit. */
  readonly addressRate?: number;
  /** Told of every refusal, for the counters. */
  readonly onRefusal?: (rule: string) => void;
}

export async function createHttpServer(options: HttpServerOptions) {
  const { log, tlsFile, maxConnections, addressRate, onRefusal } = options;
  let unwatch = () => {};
  const server = fastify({
    bodyLimit: BODY_LIMIT,
    serverFactory: (handler) => {
      if (tlsFile === undefined) return withBounds(createPlainServer(handler), maxConnections);
      const listener = tlsServer(tlsFile, handler);
      unwatch = watchCertificate(listener, tlsFile, log);
      return withBounds(listener, maxConnections);
    },
  }).withTypeProvider<ZodTypeProvider>();
  server.addHook('onClose', async () => unwatch());
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.removeContentTypeParser('text/plain');

  server.setErrorHandler((error, request, reply) => {
    const { status, body, fault } = problemOf(error);
    const { code: rule, detail, remedy } = body;
    // The route and not the address as it came: whatever is typed into a path may be a secret.
    const call = { method: request.method, route: request.routeOptions.url, address: request.ip };
    if (fault === undefined) log.warn({ rule, detail, remedy, ...call }, 'request refused');
    else log.error({ err: fault.error, fault: fault.id, ...call }, 'request failed');
    onRefusal?.(rule);
    if (status === 401) reply.header('WWW-Authenticate', 'Bearer realm="gatehouse"');
    return reply.status(status).type('application/problem+json').serializer(JSON.stringify).send(body);
  });
  server.addHook('onRequest', async (_request, reply) => endSlowReader(reply.raw));
  if (addressRate !== undefined) await limitByAddress(server, addressRate);
  // Limited too, where addresses are limited: otherwise asking for nothing would be free.
  const preHandler = addressRate === undefined ? [] : [server.rateLimit()];
  server.setNotFoundHandler({ preHandler }, (request) => {
    throw new GatehouseError('not_found', `this listener has no such ${request.method} call`);
  });
  return server;
}

export type HttpServer = Awaited<ReturnType<typeof createHttpServer>>;

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

function tlsServer(file: string, handler: RequestListener): TlsServer {
  const limits = { minVersion: 'TLSv1.2', handshakeTimeout: IDLE_TIMEOUT_MS } as const;
  return createTlsServer({ ...readPem(file), ...limits }, handler);
}

/** Takes a renewed certificate into service: no restart, no dropped connection. @returns what ends the watch */
function watchCertificate(server: TlsServer, file: string, log: Logger): () => void {
  const reload = () => {
    try {
      server.setSecureContext(readPem(file));
    } catch (error) {
      log.error({ err: error, file }, 'the server certificate could not be read; the last one is served');
    }
  };
  watchFile(file, { interval: CERTIFICATE_POLL_MS, persistent: false }, reload);
  return () => unwatchFile(file, reload);
}

function readPem(file: string): { key: Buffer; cert: Buffer } {
  const pem = readFileSync(file);
  return { key: pem, cert: pem };
}

/** Nobody holds a connection open by sending slowly or not at all. */
function withBounds(server: Server, maxConnections: number): Server {
  server.maxConnections = maxConnections;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = IDLE_TIMEOUT_MS;
  server.setTimeout(IDLE_TIMEOUT_MS);
  return server;
}

/** Nor by reading slowly: the idle timeout alone begins anew with every byte that is taken. */
function endSlowReader(response: ServerResponse): void {
  const deadline = setTimeout(() => response.destroy(), RESPONSE_TIMEOUT_MS).unref();
  response.once('close', () => clearTimeout(deadline));
}

async function limitByAddress(server: FastifyInstance, requestsPerMinute: number): Promise<void> {
  await server.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    cache: COUNTED_ADDRESSES,
    // A whole /64 is one subscriber's: counting its addresses one by one would be no limit.
    ipv6Subnet: 64,
    errorResponseBuilder: (_request, { after }) =>
      new GatehouseError('rate_limited', `too many requests from this address; go on after ${after}`),
  });
}
