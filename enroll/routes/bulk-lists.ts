/** Changes of the devices, or certificates, on a list: one JSON object a line, checked whole before any is changed. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GatehouseError } from '../../core/errors.ts';
import { parseDeviceId, parseSerialNumber } from '../../core/ids.ts';
import { LineErrors } from '../bulk/line-errors.ts';
import { body, flag, NDJSON, RESPONSE_TIMEOUT_MS, takeStreams } from '../bulk/ndjson.ts';
import { readEntries } from '../bulk/read-entries.ts';
import type { HttpServer } from '../http/http-server.ts';
import { registerScope } from '../http/scope.ts';
import { deviceOrRefuse } from '../use-cases/look-ups.ts';
import { type BulkChange, certificateBulk, deviceBulk } from '../use-cases/revoking/bulk-change.ts';
import { concerns, type DeviceAction } from '../use-cases/revoking/device-action.ts';
import { certificateOrRefuse, isRevokedBy } from '../use-cases/revoking/revoke-certificates.ts';
import { changeLines } from './answers/bulk.ts';
import type { BulkAnswerer } from './bulk-answer.ts';
import type { BulkRoutes } from './bulk-targets.ts';
import { reason } from './reason.ts';

const responseTimeout = RESPONSE_TIMEOUT_MS;
const terms = z.strictObject({
  dryRun: flag,
  atMost: z.coerce.number().int().min(0).default(Number.MAX_SAFE_INTEGER),
});
const revocation = terms.extend({ reason });
const idLine = z.strictObject({ id: z.string() });
const serialNumberLine = z.strictObject({ serialNumber: z.string() });

/** Some hundreds of names. */
const SHORT_LIST_BYTES = 16 * 1024;

interface ListCall<Name> {
  readonly terms: z.output<typeof terms>;
  /** What a line names, and whether it changes. @throws GatehouseError where it cannot */
  readonly check: (value: unknown) => Promise<{ readonly name: Name; readonly changes: boolean }>;
  /** @param names each once */
  readonly change: (names: readonly Name[]) => BulkChange;
}

export function bulkListRoutes(server: HttpServer, { context, answer }: BulkRoutes): void {
  const { registry, clock } = context;
  const answerList = createListAnswer(answer);

  const devices = (asked: z.output<typeof terms>, change: DeviceAction) => ({
    terms: asked,
    check: async (value: unknown) => {
      const name = parseDeviceId(parseLine(idLine, value).id);
      const device = await deviceOrRefuse(registry, name);
      return { name, changes: await concerns(registry, device, change, clock.now()) };
    },
    change: (ids: readonly ReturnType<typeof parseDeviceId>[]) =>
      deviceBulk(context, { kind: 'list', ids }, change),
  });

  registerScope(server, { name: 'bulk lists' }, (api) => {
    takeStreams(api);
    const consumes = [NDJSON];

    api.post(
      '/devices/revoke',
      {
        config: { role: 'operator', line: idLine, responseTimeout },
        schema: {
          summary: 'End these devices for good; a line: {"id"}',
          consumes,
          querystring: revocation,
          body,
          response: { 200: changeLines },
        },
      },
      (request, reply) => {
        const { reason, ...asked } = request.query;
        return answerList(request, reply, devices(asked, { kind: 'revoke', reason }));
      },
    );

    for (const [kind, role, summary] of [
      ['suspend', 'operator', 'Bar these devices until they are resumed'],
      ['resume', 'operator', 'Let these suspended devices back'],
      // Who may revoke may not take it back: that a device is gone for good is what others rely on.
      ['reinstate', 'admin', 'Let these revoked devices enroll anew; what they had stays revoked'],
      ['release', 'operator', 'Let these devices enroll by their factory certificates once more'],
    ] as const) {
      api.post(
        `/devices/${kind}`,
        {
          config: { role, line: idLine, responseTimeout },
          schema: {
            summary: `${summary}; a line: {"id"}`,
            consumes,
            querystring: terms,
            body,
            response: { 200: changeLines },
          },
        },
        (request, reply) => answerList(request, reply, devices(request.query, { kind })),
      );
    }

    api.post(
      '/certificates/revoke',
      {
        config: { role: 'operator', line: serialNumberLine, responseTimeout },
        schema: {
          summary: 'Revoke these certificates, and not their devices; a line: {"serialNumber"}',
          consumes,
          querystring: revocation,
          body,
          response: { 200: changeLines },
        },
      },
      (request, reply) => {
        const { reason, ...asked } = request.query;
        return answerList(request, reply, {
          terms: asked,
          check: async (value) => {
            const name = parseSerialNumber(parseLine(serialNumberLine, value).serialNumber);
            return { name, changes: isRevokedBy(await certificateOrRefuse(registry, name), reason) };
          },
          change: (serialNumbers) => certificateBulk(context, { kind: 'list', serialNumbers }, reason),
        });
      },
    );
  });
}

/** Long ones one at a time: each holds its whole list in memory. Whoever names a few need not wait for them. */
function createListAnswer(answer: BulkAnswerer) {
  let busy = false;
  return async <Name>(
    request: FastifyRequest,
    reply: FastifyReply,
    { terms, check, change }: ListCall<Name>,
  ): Promise<FastifyReply> => {
    const stream = request.body;
    if (!(stream instanceof Readable)) throw new GatehouseError('body_invalid', 'there is no list in it');
    const isLong = !(Number(request.headers['content-length']) <= SHORT_LIST_BYTES);
    if (isLong && busy) throw new GatehouseError('revocation_busy');
    if (isLong) busy = true;
    const leave = () => {
      if (isLong) busy = false;
    };
    try {
      const { names, of } = await readNames(stream, check);
      return answer(request, reply, {
        change: change(names),
        dryRun: terms.dryRun === 'true',
        atMost: terms.atMost,
        of,
        unchanged: (changed) => names.length - changed,
        onEnd: leave,
      });
    } catch (error) {
      leave();
      // Node discards the rest of a body only where none of it was read; till then the connection stands still.
      stream.resume();
      throw error;
    }
  };
}

/** @throws LinesRefused @throws GatehouseError `list_too_large`, `body_invalid` */
async function readNames<Name>(stream: Readable, check: ListCall<Name>['check']) {
  const errors = new LineErrors('list_refused');
  const names = new Set<Name>();
  let of = 0;
  await readEntries(stream.iterator({ destroyOnReturn: false }), errors, async (value) => {
    const { name, changes } = await check(value);
    if (changes && !names.has(name)) of += 1;
    names.add(name);
    return name;
  });
  errors.refuse();
  return { names: [...names], of };
}

/** @throws GatehouseError `entry_invalid` */
function parseLine<Line extends z.ZodRawShape>(line: z.ZodObject<Line>, value: unknown) {
  const { data, success } = line.safeParse(value);
  if (success) return data;
  throw new GatehouseError(
    'entry_invalid',
    `the line must be an object with just ${Object.keys(line.shape)}`,
  );
}
