/** The token that a request presents, and how often one token may be tried. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatehouseError } from '../../core/errors.ts';
import { bearerToken, type HttpServer } from './http-server.ts';

/** A device ID of 64 octets, a token of 60, and room for clients that send another name. */
const MAX_BASIC_LENGTH = 1_024;

/** Counts one use of the request's token. @throws GatehouseError `rate_limited`, with Retry-After set */
export type TokenLimit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** @param perMinute how often one token may be tried, over all calls that are given this limit */
export function createTokenLimit(server: HttpServer, perMinute: number): TokenLimit {
  const count = server.createRateLimit({
    max: perMinute,
    timeWindow: 60_000,
    // By the whole token: whoever knows just its public id cannot use up the limit of its holder.
    keyGenerator: ({ headers: { authorization } }) =>
      createHash('sha256')
        .update(bearerToken(authorization) ?? basicPassword(authorization) ?? '')
        .digest('base64'),
  });
  return async (request, reply) => {
    // Those without a token are told so, and counted by their address alone: they must not count as one.
    if (request.headers.authorization === undefined) return;
    const limit = await count(request);
    if (limit.isAllowed || !limit.isExceeded) return;
    reply.header('Retry-After', limit.ttlInSeconds);
    throw new GatehouseError('rate_limited', 'this token is used more often than is allowed');
  };
}

/**
 * The password of an `Authorization: Basic` header (RFC 7617 §2), undefined where there is none. The user name is
 * whatever the client likes: RFC 7617 has no colon in it, but device IDs may have some, and tokens have none.
 */
export function basicPassword(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_BASIC_LENGTH) return undefined;
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const credentials = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = credentials.lastIndexOf(':');
  return colon === -1 ? undefined : credentials.slice(colon + 1);
}
