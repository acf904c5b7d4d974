/** Changes of all devices of a group, and of all that a CA issued: who asks says how many that may be. */
import { z } from 'zod';
import { parseEntityName, parseFingerprint } from '../../core/ids.ts';
import { RESPONSE_TIMEOUT_MS } from '../bulk/ndjson.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { certificateBulk, deviceBulk } from '../use-cases/revoking/bulk-change.ts';
import { countDevices } from '../use-cases/revoking/change-devices.ts';
import type { DeviceAction } from '../use-cases/revoking/device-action.ts';
import { countCertificates } from '../use-cases/revoking/revoke-certificates.ts';
import { changeLines } from './answers/bulk.ts';
import type { BulkAnswerer } from './bulk-answer.ts';
import { reason } from './reason.ts';

const group = z.object({ name: z.string().transform(parseEntityName) });
const issuer = z.object({ fingerprint: z.string().transform(parseFingerprint) });
const terms = z.strictObject({
  atMost: z.int().min(0).default(0).describe('how many may change; where it would be more, none does'),
  dryRun: z.boolean().default(false).describe('only tell whom it would be'),
});
const revocation = terms.extend({ reason });

export interface BulkRoutes {
  readonly context: EnrollContext;
  readonly answer: BulkAnswerer;
}

export function bulkTargetRoutes(server: HttpServer, { context, answer }: BulkRoutes): void {
  const { registry, clock } = context;
  const responseTimeout = RESPONSE_TIMEOUT_MS;

  const groupCall = async (
    name: z.output<typeof group>['name'],
    change: DeviceAction,
    asked: z.output<typeof terms>,
  ) => {
    const target = { kind: 'group', group: name } as const;
    const of = await countDevices(registry, target, change, clock.now());
    return { ...asked, of, change: deviceBulk(context, target, change) };
  };

  server.post(
    '/groups/:name/revoke',
    {
      config: { role: 'operator', responseTimeout },
      schema: {
        summary: 'End all devices of a group for good',
        params: group,
        body: revocation,
        response: { 200: changeLines },
      },
    },
    async (request, reply) => {
      const { reason, ...asked } = request.body;
      return answer(request, reply, await groupCall(request.params.name, { kind: 'revoke', reason }, asked));
    },
  );

  for (const [kind, summary] of [
    ['suspend', 'Bar all devices of a group until they are resumed'],
    ['resume', 'Let all suspended devices of a group back'],
  ] as const) {
    server.post(
      `/groups/:name/${kind}`,
      {
        config: { role: 'operator', responseTimeout },
        schema: { summary, params: group, body: terms, response: { 200: changeLines } },
      },
      async (request, reply) =>
        answer(request, reply, await groupCall(request.params.name, { kind }, request.body)),
    );
  }

  server.post(
    '/issuers/:fingerprint/revoke-certificates',
    {
      config: { role: 'admin', responseTimeout },
      schema: {
        summary: 'Revoke what a CA issued to devices and still stands; the devices may enroll anew',
        params: issuer,
        body: revocation,
        response: { 200: changeLines },
      },
    },
    async (request, reply) => {
      const { reason, ...asked } = request.body;
      const target = { kind: 'issuer', issuer: request.params.fingerprint } as const;
      const of = await countCertificates(context, target, reason);
      return answer(request, reply, { ...asked, of, change: certificateBulk(context, target, reason) });
    },
  );
}
