/** Puts an enrollment before the operators, in a queue that nobody can make grow without end. */
import { REQUEST_LIFETIME } from '../../../core/enrollment/approval.ts';
import { GatehouseError } from '../../../core/errors.ts';
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import type { RegistryTransaction } from '../../../registry/port.ts';
import type { RequestRecord } from '../../../registry/records.ts';
import type { Entitled } from './admit-request.ts';
import { enrolledBy } from './enrolled-by.ts';

/** What operators can work off within the life of a request; counting them costs a millisecond. */
const MAX_OPEN_REQUESTS = 10_000;
/** For each new request, so many of the old ones go that they become fewer. */
const REMOVED_AT_ONCE = 10;

export interface FiledBy {
  readonly request: CertificationRequest;
  /** Where it came from. */
  readonly address: string;
  readonly now: number;
}

/** @throws GatehouseError `requests_full` */
export async function fileRequest(
  transaction: RegistryTransaction,
  entitled: Entitled,
  { request: { publicKey }, address, now }: FiledBy,
): Promise<RequestRecord> {
  const { deviceId, group, credential, factory, outdated } = entitled;
  for (const lapsed of await transaction.lapsedRequests(now, REMOVED_AT_ONCE)) {
    await dropRequest(transaction, lapsed);
  }
  if (outdated !== undefined) await dropRequest(transaction, outdated);
  if ((await transaction.openRequests(now)) >= MAX_OPEN_REQUESTS) {
    throw new GatehouseError('requests_full', `${MAX_OPEN_REQUESTS} requests wait already`);
  }
  const { keyFingerprint, kind } = publicKey;
  const filed = await transaction.insertRequest({
    status: 'pending',
    device: deviceId,
    group: group.name,
    credential,
    manufacturer: factory?.manufacturer ?? null,
    keyFingerprint,
    keyKind: kind,
    address,
    createdAt: now,
    expiresAt: now + REQUEST_LIFETIME,
    decidedAt: null,
    decidedBy: null,
    reason: null,
    serialNumber: null,
  });
  await transaction.append({
    action: 'request.created',
    subject: deviceId,
    data: { request: filed.id, group: group.name, keyFingerprint, ...enrolledBy(entitled) },
  });
  return filed;
}

/** It will not be decided any more. */
export async function dropRequest(transaction: RegistryTransaction, request: RequestRecord): Promise<void> {
  await transaction.removeRequest(request.id);
  await transaction.append({
    action: 'request.lapsed',
    subject: request.device,
    data: { request: request.id },
  });
}
