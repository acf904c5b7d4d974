/**
 * /api/openapi.json, made of what the listener itself goes by: the schemas that requests are validated and answers are
 * written with, and the role that each call asks for.
 */
import swagger from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { HttpServer } from '../http/http-server.ts';
import { problem } from '../routes/answers/problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a line of the body must be, where the call takes a list (application/x-ndjson). */
    line?: z.ZodType;
  }
}

const refused = {
  description: 'Refused (RFC 9457): `code` says why, `remedy` what to do',
  content: { 'application/problem+json': { schema: problem } },
};

/** Before the routes. */
export async function describeRoutes(server: HttpServer): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Gatehouse operator API', version: '1' },
      components: { securitySchemes: { operator: { type: 'http', scheme: 'bearer' } } },
      security: [{ operator: [] }],
    },
    transform: ({ schema, url, route, ...document }) => {
      if (schema?.hide === true) return { schema, url };
      return jsonSchemaTransform({ schema: { ...schema, ...termsOf(route) }, url, route, ...document });
    },
  });
}

/** What every operation has besides its own schemas. */
function termsOf({ config = {}, schema }: RouteOptions) {
  const { role, line } = config;
  const { description = '' } = schema ?? {};
  return {
    ...(line !== undefined && { body: line.describe('one JSON object a line, each of this form') }),
    response: { ...Object(schema?.response), default: refused },
    description: `${description} Takes the role ${role}, or one above it.`.trim(),
    'x-role': role,
  };
}

/** Of an operation, what says whether its body may be left out. */
const bodied = z.looseObject({
  requestBody: z.looseObject({
    content: z.looseObject({
      'application/json': z.looseObject({
        schema: z.looseObject({ required: z.array(z.string()).default([]) }),
      }),
    }),
  }),
});

/** The document. A JSON body in which nothing is required may be left out (http/empty-body.ts). */
export function openApiOf(server: HttpServer): object {
  const { paths = {}, ...document } = server.swagger();
  const described = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods ?? {}).map(([method, one]) => [method, withOptionalBody(one)])),
  ]);
  return { ...document, paths: Object.fromEntries(described) };
}

function withOptionalBody(operation: unknown): unknown {
  const { data } = bodied.safeParse(operation);
  if (data === undefined) return operation;
  const { schema } = data.requestBody.content['application/json'];
  return { ...data, requestBody: { ...data.requestBody, required: schema.required.length > 0 } };
}
