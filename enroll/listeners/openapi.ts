/**
 * /api/openapi.json, made of what the listener itself goes by: the schemas that requests are validated and answers are
 * written with, and the role that each call asks for.
 */
import swagger from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
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
    transformObject: jsonSchemaTransformObject,
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

const described = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});
const REFERENCE = /"#\/components\/schemas\/(\w+)"/g;

/**
 * The document. A JSON body in which nothing is required may be left out (http/empty-body.ts). Of the components, those are
 * left that something refers to: each is made in two forms, as it would be asked for and as it is answered.
 */
export function openApiOf(server: HttpServer): object {
  const { paths: routes, ...document } = server.swagger();
  const paths = describePaths(routes);
  const { components } = described.parse(document);
  const used = referredTo(paths, components.schemas);
  const schemas = Object.fromEntries(Object.entries(components.schemas).filter(([name]) => used.has(name)));
  return { ...document, paths, components: { ...components, schemas } };
}

/** The names of components that `value` refers to, itself or by others. */
function referredTo(
  value: unknown,
  schemas: Readonly<Record<string, unknown>>,
  found = new Set<string>(),
): ReadonlySet<string> {
  for (const [, name = ''] of JSON.stringify(value).matchAll(REFERENCE)) {
    if (found.has(name)) continue;
    found.add(name);
    referredTo(schemas[name], schemas, found);
  }
  return found;
}

function describePaths(paths: Readonly<Record<string, object | undefined>> = {}): object {
  const withBodies = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods ?? {}).map(([method, one]) => [method, withOptionalBody(one)])),
  ]);
  return Object.fromEntries(withBodies);
}

function withOptionalBody(operation: unknown): unknown {
  const { data } = bodied.safeParse(operation);
  if (data === undefined) return operation;
  const { schema } = data.requestBody.content['application/json'];
  return { ...data, requestBody: { ...data.requestBody, required: schema.required.length > 0 } };
}
