/**
 * The operator listener: HTTPS, on loopback unless told otherwise. Every call under /api/v1 and /metrics needs
 * a token, and says which role it needs; one that says nothing is refused when it is registered.
 */
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../../core/journal/events.ts';
import type { OperatorRole } from '../../registry/records.ts';
import type { Logger } from '../../runtime/log.ts';
import { SecureContextSource } from '../../runtime/secure-context.ts';
import type { EnrollContext } from '../context.ts';
import type { CrlStore } from '../crl/crl-store.ts';
import type { Housekeeping } from '../housekeeping/housekeeping.ts';
import { takeEmptyBodies } from '../http/empty-body.ts';
import { bearerToken, createHttpServer, type HttpServer, refusalReporter } from '../http/http-server.ts';
import { registerScope } from '../http/scope.ts';
import type { EnrollMetrics } from '../metrics.ts';
import type { Rollover } from '../rollover/rollover.ts';
import { blockedKeyRoutes } from '../routes/blocked-keys.ts';
import { createBulkAnswer } from '../routes/bulk-answer.ts';
import { bulkListRoutes } from '../routes/bulk-lists.ts';
import { bulkTargetRoutes } from '../routes/bulk-targets.ts';
import { certificateRoutes } from '../routes/certificates.ts';
import { deviceRoutes } from '../routes/devices.ts';
import { documentRoutes } from '../routes/documents.ts';
import { housekeepingRoutes } from '../routes/housekeeping.ts';
import { importRoutes } from '../routes/imports.ts';
import { issuerRoutes } from '../routes/issuers.ts';
import { journalRoutes } from '../routes/journal.ts';
import { manufacturerRoutes } from '../routes/manufacturers.ts';
import { observationRoutes } from '../routes/observations.ts';
import { operatorRoutes } from '../routes/operators.ts';
import { requestRoutes } from '../routes/requests.ts';
import { tokenRoutes } from '../routes/tokens.ts';
import { trialRoutes } from '../routes/trials.ts';
import { authenticateOperator, requireRole } from '../use-cases/operating/manage-operators.ts';
import { describeRoutes, openApiOf } from './openapi.ts';

const MAX_CONNECTIONS = 500;
/** An import is up to 64 MiB, and operators may be far away. */
const REQUEST_TIMEOUT_MS = 5 * 60_000;

/** Until an operator has shown a token. */
const NOBODY: Actor = 'system';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Least role that may call this; `public` where nobody is asked. */
    role?: OperatorRole | 'public';
  }
  interface FastifyRequest {
    /** Who is calling, for the journal. */
    actor: Actor;
  }
}

export interface OperatorListener {
  readonly context: EnrollContext;
  readonly rollover: Rollover;
  readonly crls: Pick<CrlStore, 'list'>;
  readonly housekeeping: Housekeeping;
  readonly metrics: EnrollMetrics;
  readonly log: Logger;
  readonly tlsFile: string;
  readonly stapleFile: string;
  /** As SecureContextOptions has it. */
  readonly pollInterval?: number | undefined;
}

export async function createOperatorListener({
  context,
  rollover,
  crls,
  housekeeping,
  metrics,
  log,
  tlsFile,
  stapleFile,
  pollInterval,
}: OperatorListener): Promise<HttpServer> {
  const staple = { file: stapleFile, clock: context.clock };
  const source = new SecureContextSource({ file: tlsFile, staple, pollInterval, log });
  const tls = { source, context: await source.read() };
  const refusals = { log, actorOf: ({ actor }: FastifyRequest) => (actor === NOBODY ? undefined : actor) };
  const server = await createHttpServer({
    ...refusals,
    tls,
    maxConnections: MAX_CONNECTIONS,
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  await describeRoutes(server);

  takeEmptyBodies(server);
  server.decorateRequest('actor', NOBODY);
  server.addHook('onRoute', ({ config, method, url }) => {
    if (config?.role === undefined)
      throw new Error(`${String(method)} ${url} does not say which role it needs`);
  });
  server.addHook('onRequest', async (request, reply) => {
    reply.header('Cache-Control', 'no-store');
    const { role } = request.routeOptions.config;
    if (role === 'public') return;
    // An address that no route has is told so only to operators: role is undefined there.
    const operator = await authenticateOperator(context.registry, bearerToken(request.headers.authorization));
    request.actor = `operator:${operator.name}`;
    if (role !== undefined) requireRole(operator, role);
  });

  server.get('/health', { config: { role: 'public' }, schema: { hide: true } }, async () => ({
    status: 'ok',
  }));
  let document: object | undefined;
  server.get('/api/openapi.json', { config: { role: 'public' }, schema: { hide: true } }, async () => {
    document ??= openApiOf(server);
    return document;
  });
  server.get(
    '/metrics',
    { config: { role: 'viewer' }, schema: { hide: true } },
    async (_request, reply): Promise<string> => {
      reply.type(metrics.contentType);
      return metrics.text();
    },
  );
  registerScope(server, { name: 'v1', prefix: '/api/v1' }, (v1) => {
    deviceRoutes(v1, context);
    observationRoutes(v1, context);
    const report = refusalReporter(refusals);
    importRoutes(v1, { context, report });
    const bulk = { context, answer: createBulkAnswer(report) };
    bulkListRoutes(v1, bulk);
    bulkTargetRoutes(v1, bulk);
    certificateRoutes(v1, context);
    blockedKeyRoutes(v1, context);
    issuerRoutes(v1, { context, crls, rollover });
    tokenRoutes(v1, context);
    documentRoutes(v1, context);
    trialRoutes(v1, context);
    manufacturerRoutes(v1, context);
    requestRoutes(v1, context);
    journalRoutes(v1, context);
    housekeepingRoutes(v1, { housekeeping, registry: context.registry });
    operatorRoutes(v1, context);
  });
  return server;
}
