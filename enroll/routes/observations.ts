/** /api/v1/devices/ID/refusals and /explanation: what was refused, and how it stands; also of IDs that no device has. */
import { z } from 'zod';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { DeviceExplanation, RefusalsView, RefusalView } from '../../core/api/explanation.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import { REPORT_INTERVAL_MS } from '../../registry/last-sighting.ts';
import type { EnrollContext } from '../context.ts';
import type { HttpServer } from '../http/http-server.ts';
import { deviceFindings, RECENT_MS } from '../use-cases/operating/device-findings.ts';
import { settledBy } from '../use-cases/operating/settled-refusals.ts';
import { grantsOf } from '../use-cases/operating/test-policy.ts';
import * as answers from './answers/devices.ts';
import { detailOf } from './device-detail.ts';
import { refusalView, remedyFor } from './observation-views.ts';
import { issuerView } from './views.ts';

/** That are shown where it is not known from which address the device comes. */
const SOME_STRANGERS = 5;

const params = z.object({ id: z.string().transform(parseDeviceId) });

export function observationRoutes(server: HttpServer, context: EnrollContext): void {
  server.get(
    '/devices/:id/refusals',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What a device was refused lately, newest first',
        params,
        response: { 200: answers.refusals },
      },
    },
    ({ params: { id } }) => refusalsOf(context, id),
  );

  server.get(
    '/devices/:id/explanation',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'How it stands with a device, and what to do',
        params,
        response: { 200: answers.explanation },
      },
    },
    ({ params: { id } }) => explain(context, id),
  );
}

async function refusalsOf({ registry }: EnrollContext, id: DeviceId): Promise<RefusalsView> {
  const { observations } = registry;
  return {
    items: (await observations.refusalsOf(id)).map((refusal) => refusalView(refusal, id)),
    claims: (await observations.claimsOf(id)).map((claim) => refusalView(claim, id)),
  };
}

async function explain(context: EnrollContext, id: DeviceId): Promise<DeviceExplanation> {
  const { registry, clock } = context;
  const device = await detailIfKnown(context, id);
  const group = device === null ? undefined : await registry.group(device.group);
  const { items, claims } = await refusalsOf(context, id);
  const grants = device === null ? null : await grantsOf(registry, device);
  const refused = {
    items: items.map((refusal) => ({ ...refusal, settled: settledBy(refusal, { device, grants }) })),
    claims,
  };
  const strangers = device === null ? [] : await strangersFor(context, device);
  const findings = deviceFindings({
    id,
    device,
    issuers: (await registry.issuers()).map(issuerView),
    renewalGrace: group?.renewalGrace ?? 0,
    now: clock.now(),
    ...refused,
    strangers,
  });
  return {
    id,
    device,
    policy: group?.policy ?? null,
    findings: findings.map(({ next, ...rest }) => ({ ...rest, next: next && remedyFor(next, id) })),
    ...refused,
    strangers,
    observedWithin: REPORT_INTERVAL_MS / 1_000,
  };
}

/** Who may have been the device, as far as anybody can tell by address and time. */
async function strangersFor(
  { registry, clock }: EnrollContext,
  { id, presence, certificates }: DeviceDetail,
): Promise<readonly RefusalView[]> {
  const { observations } = registry;
  if (presence?.status === 'online' || certificates.length === 0) return [];
  const since = presence === null ? clock.now() - RECENT_MS : Date.parse(presence.since);
  const found = await (presence === null
    ? observations.strangers(SOME_STRANGERS)
    : observations.strangersAt(presence.address));
  return found.filter(({ lastAt }) => lastAt >= since).map((stranger) => refusalView(stranger, id));
}

async function detailIfKnown(context: EnrollContext, id: DeviceId): Promise<DeviceDetail | null> {
  try {
    return await detailOf(context, id);
  } catch (error) {
    if (error instanceof GatehouseError && error.code === 'device_unknown') return null;
    throw error;
  }
}
