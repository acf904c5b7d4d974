/** /api/v1/issuers: the CA certificates, and how one takes over from another. */
import { z } from 'zod';
import type { CaRetirement, CaRotation, CaStatusView, IssuerView } from '../../core/api/issuers.ts';
import type { Page } from '../../core/api/page.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, parseDeviceId, parseFingerprint } from '../../core/ids.ts';
import type { IssuerRecord } from '../../registry/records.ts';
import type { EnrollContext } from '../context.ts';
import type { CrlStore } from '../crl/crl-store.ts';
import type { HttpServer } from '../http/http-server.ts';
import { caStatus } from '../rollover/ca-status.ts';
import type { Rollover } from '../rollover/rollover.ts';
import { deviceId, listOf, pageOf } from './answers/fields.ts';
import * as answers from './answers/issuers.ts';
import { crlView, issuerView } from './views.ts';

const params = z.object({ fingerprint: z.string().transform(parseFingerprint) });
const query = z.object({
  after: z.string().transform(parseDeviceId).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const rotation = z.strictObject({ root: z.boolean().default(false) });
const retirement = z.strictObject({
  lockOut: z.int().min(0).default(0).describe('how many devices may be locked out by it, at most'),
});

export interface IssuerRoutes {
  readonly context: EnrollContext;
  readonly crls: Pick<CrlStore, 'list'>;
  readonly rollover: Rollover;
}

export function issuerRoutes(server: HttpServer, { context, crls, rollover }: IssuerRoutes): void {
  const { registry, clock } = context;

  server.get(
    '/issuers',
    {
      config: { role: 'viewer' },
      schema: { summary: 'The CA certificates', response: { 200: listOf(answers.issuer) } },
    },
    async (): Promise<{ items: IssuerView[] }> => ({ items: (await registry.issuers()).map(issuerView) }),
  );

  server.get(
    '/issuers/status',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'How many devices are on the active issuing CA, and the CRLs',
        response: { 200: answers.caStatus },
      },
    },
    async (): Promise<CaStatusView> => {
      const { issuers, ...fleet } = await caStatus(registry, clock.now());
      const lists = await crls.list();
      const crlsOf = ({ fingerprint }: IssuerRecord) =>
        lists.filter(({ issuer }) => issuer === fingerprint).map(crlView);
      return {
        ...fleet,
        issuers: issuers.map(({ issuer, devices }) => ({
          ...issuerView(issuer),
          devices,
          crls: crlsOf(issuer),
        })),
      };
    },
  );

  server.get(
    '/issuers/:fingerprint/dependents',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The devices that would be locked out if this CA were retired',
        params,
        querystring: query,
        response: { 200: pageOf(deviceId) },
      },
    },
    async ({ params: { fingerprint }, query: { after, limit } }): Promise<Page<DeviceId>> => {
      if ((await registry.issuer(fingerprint)) === undefined) throw new GatehouseError('issuer_unknown');
      const page = { issuer: fingerprint, now: clock.now(), limit: limit + 1, ...(after && { after }) };
      const devices = await registry.dependents(page);
      const items = devices.slice(0, limit);
      return { items, next: devices.length > limit ? (items.at(-1) ?? null) : null };
    },
  );

  server.post(
    '/issuers/rotate',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'A new issuing CA, and a new root if that is asked for',
        body: rotation,
        response: { 201: answers.rotation },
      },
    },
    async ({ actor, body }, reply) => {
      const { issuing, root } = await rollover.rotate(actor, body);
      const rotated: CaRotation = { issuing: issuerView(issuing), root: root && issuerView(root) };
      return reply.status(201).send(rotated);
    },
  );

  server.post(
    '/issuers/:fingerprint/retire',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'End a CA that another has succeeded',
        params,
        body: retirement,
        response: { 200: answers.retirement },
      },
    },
    async ({ actor, params: { fingerprint }, body }): Promise<CaRetirement> => {
      const { issuer, ...outcome } = await rollover.retire(actor, fingerprint, body);
      return { issuer: issuerView(issuer), ...outcome };
    },
  );
}
