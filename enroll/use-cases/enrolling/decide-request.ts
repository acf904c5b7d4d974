/**
 * An operator's word on an enrollment. It may be changed until the device has its certificate: an approval is taken
 * back by denying, and a denial by approving, or a slip would cost the device its key and the operator a token.
 */
import { REQUEST_LIFETIME } from '../../../core/enrollment/approval.ts';
import { GatehouseError } from '../../../core/errors.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { RequestRecord } from '../../../registry/records.ts';
import type { EnrollContext } from '../../context.ts';

export type Decision =
  | { readonly status: 'approved' }
  /** The reason is told to the device; it may be empty. */
  | { readonly status: 'denied'; readonly reason: string };

/** Doing it twice is the same as doing it once. @throws GatehouseError `request_unknown`, `request_closed` */
export function decideRequest(
  { registry, clock }: EnrollContext,
  actor: Actor,
  id: number,
  decision: Decision,
): Promise<RequestRecord> {
  return registry.write(actor, async (transaction) => {
    const now = clock.now();
    const request = await requestOrRefuse(transaction, id, now);
    const { status } = decision;
    if (request.status === status) return request;
    if (request.status === 'issued') {
      throw new GatehouseError('request_closed', `request ${id}: ${request.device} has its certificate`);
    }
    const reason = decision.status === 'denied' ? decision.reason : null;
    const expiresAt = status === 'approved' ? now + REQUEST_LIFETIME : null;
    const change = { status, expiresAt, decidedAt: now, decidedBy: actor, reason, serialNumber: null };
    await transaction.updateRequest(id, change);
    await transaction.append(
      decision.status === 'denied'
        ? {
            action: 'request.denied',
            subject: request.device,
            data: { request: id, reason: decision.reason },
          }
        : { action: 'request.approved', subject: request.device, data: { request: id } },
    );
    return { ...request, ...change };
  });
}

/** @throws GatehouseError `request_unknown` */
export async function requestOrRefuse(
  registry: RegistryReader,
  id: number,
  now: number,
): Promise<RequestRecord> {
  const request = await registry.request(id, now);
  if (request === undefined) throw new GatehouseError('request_unknown', `there is no request ${id}`);
  return request;
}
