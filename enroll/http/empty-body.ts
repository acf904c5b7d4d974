/**
 * No body is an empty object: all fields at their defaults, or told to be missing where they have none. Clients send nothing
 * in several ways; `curl -d ''` calls it a form.
 */
import { NDJSON } from '../bulk/ndjson.ts';
import type { HttpServer } from './http-server.ts';

export function takeEmptyBodies(server: HttpServer): void {
  server.addHook('onRequest', async ({ headers }) => {
    const isEmpty = headers['content-length'] === '0' && headers['transfer-encoding'] === undefined;
    // A list of nobody is a list.
    if (isEmpty && headers['content-type']?.startsWith(NDJSON) !== true) delete headers['content-type'];
  });
  server.addHook('preValidation', async (request) => {
    const { body, headers, method } = request;
    const isNone = headers['content-type'] === undefined && (body === undefined || body === null);
    if (isNone && method !== 'GET') request.body = {};
  });
}
