/** NDJSON over HTTP: bodies that are read as they arrive, in calls that may take a while. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { GatehouseError } from '../../core/errors.ts';
import type { HttpServer } from '../http/http-server.ts';
import { MAX_BYTES } from './read-entries.ts';

export const NDJSON = 'application/x-ndjson';
/** From the first byte of the file to the last of the answer, over a slow line too. */
export const RESPONSE_TIMEOUT_MS = 10 * 60_000;

export const body = z
  .instanceof(Readable, { error: 'there is no list in it' })
  .describe('one JSON object a line, blank lines between them or not');
/** In a query. */
export const flag = z.enum(['true', 'false']).default('false');

/** Bodies as they arrive, and of no other type. What is declared too large is refused before it is sent. */
export function takeStreams(server: HttpServer): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(NDJSON, (request, payload, done) => {
    const tooLarge = Number(request.headers['content-length']) > MAX_BYTES;
    if (tooLarge) done(new GatehouseError('list_too_large', `more than ${MAX_BYTES} bytes`));
    else done(null, payload);
  });
}
