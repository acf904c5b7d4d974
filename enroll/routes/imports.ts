/** POST /api/v1/devices/import and /api/v1/blocked-keys/import: many at once, as NDJSON, all or nothing. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ImportResult } from '../../core/api/import.ts';
import { blockedKeyLine } from '../../core/enrollment/blocked-key-entry.ts';
import { GatehouseError } from '../../core/errors.ts';
import { ATTRIBUTE_NAME } from '../../core/policy/pattern.ts';
import { answerWhileWriting, lineOf, type Telling } from '../bulk/answer.ts';
import { body, flag, NDJSON, RESPONSE_TIMEOUT_MS, takeStreams } from '../bulk/ndjson.ts';
import type { OnWritten } from '../bulk/write-entries.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer, RefusalReporter } from '../http/http-server.ts';
import { registerScope } from '../http/scope.ts';
import { checkKeys, writeKeys } from '../use-cases/operating/block-keys.ts';
import { checkDevices, writeDevices } from '../use-cases/operating/import-devices.ts';
import { importLines } from './answers/bulk.ts';

const config = { role: 'operator', responseTimeout: RESPONSE_TIMEOUT_MS } as const;
/** As parseDeviceEntry takes it. */
export const deviceLine = z.strictObject({
  id: z.string(),
  group: z.string(),
  attributes: z.record(z.string().regex(ATTRIBUTE_NAME), z.string().max(128)).optional(),
});

type Counts = Omit<ImportResult, 'dryRun'>;

/** One kind of import: the part that may refuse it, and the part that writes. */
interface Import<Checked> {
  readonly check: (body: AsyncIterable<Uint8Array>) => Promise<Checked>;
  readonly write: (checked: Checked, onWritten: OnWritten) => Promise<Counts>;
}

export interface ImportRoutes {
  readonly context: EnrollContext;
  readonly report: RefusalReporter;
}

export function importRoutes(server: HttpServer, { context, report }: ImportRoutes): void {
  const answer = createAnswer(report);

  registerScope(server, { name: 'imports' }, (api) => {
    takeStreams(api);

    api.post(
      '/devices/import',
      {
        config: { ...config, line: deviceLine },
        schema: {
          summary: 'Make devices known before they enroll; a line: {"id", "group", "attributes"}',
          consumes: [NDJSON],
          querystring: z.strictObject({ update: flag, dryRun: flag }),
          body,
          response: { 200: importLines },
        },
      },
      (request, reply) => {
        const terms = { update: request.query.update === 'true' };
        return answer(request, reply, request.query.dryRun === 'true', {
          check: (entries) => checkDevices(context, entries, terms),
          write: (checked, onWritten) =>
            writeDevices(context, request.actor, checked, { ...terms, onWritten }),
        });
      },
    );

    api.post(
      '/blocked-keys/import',
      {
        config: { ...config, line: blockedKeyLine },
        schema: {
          summary: 'Never let these public keys enroll; a line: {"fingerprint", "note"}',
          consumes: [NDJSON],
          querystring: z.strictObject({ dryRun: flag }),
          body,
          response: { 200: importLines },
        },
      },
      (request, reply) =>
        answer(request, reply, request.query.dryRun === 'true', {
          check: (entries) => checkKeys(context, entries),
          write: (checked, onWritten) => writeKeys(context, request.actor, checked, onWritten),
        }),
    );
  });
}

/** What both kinds have in common. One at a time: each holds its whole file in memory. */
function createAnswer(report: RefusalReporter) {
  let busy = false;
  const leave = () => {
    busy = false;
  };
  return async <Checked extends { readonly counts: Counts; readonly entries: readonly unknown[] }>(
    request: FastifyRequest,
    reply: FastifyReply,
    dryRun: boolean,
    { check, write }: Import<Checked>,
  ): Promise<FastifyReply> => {
    const stream = request.body;
    if (!(stream instanceof Readable)) throw new GatehouseError('body_invalid', 'there is no list in it');
    if (busy) throw new GatehouseError('import_busy');
    busy = true;
    let checked: Checked;
    try {
      checked = await check(stream.iterator({ destroyOnReturn: false }));
    } catch (error) {
      leave();
      // Node discards the rest of a body only where none of it was read; till then the connection stands still.
      stream.resume();
      throw error;
    }
    reply.type(NDJSON);
    if (dryRun) {
      leave();
      return reply.send(lineOf({ result: { ...checked.counts, dryRun } }));
    }
    const writing = {
      of: checked.entries.length,
      write: async ({ onWritten }: Telling) => ({ ...(await write(checked, onWritten)), dryRun }),
      problemOf: (error: unknown) => report(error, request),
      onEnd: leave,
    };
    return reply.send(answerWhileWriting(writing));
  };
}
