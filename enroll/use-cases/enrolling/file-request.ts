/** Puts an enrollment before the operators, in a queue that nobody can make grow without end. */
import { REQUEST_LIFETIME, retryAfter } from '../../../core/enrollment/approval.ts';
import { GatehouseError } from '../../../core/errors.ts';
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { RequestRecord } from '../../../registry/records.ts';
import { ComeBackLater } from '../come-back-later.ts';
import type { Entitled } from './admit-request.ts';
import { enrolledBy } from './enrolled-by.ts';

/** What operators can work off within the life of a request; counting them costs a millisecond. */
export const MAX_OPEN_REQUESTS = 10_000;
/** Of one token, or of all factory certificates of one manufacturer: there is room left for others. */
const MAX_OPEN_OF_ONE = MAX_OPEN_REQUESTS / 4;
/** For each new request, so many of the old ones go that they become fewer. */
const REMOVED_AT_ONCE = 10;

export interface FiledBy {
  readonly request: CertificationRequest;
  /** Where it came from. */
  readonly address: string;
  readonly now: number;
}

/** @throws GatehouseError `requests_full`, `rate_limited` */
export async function fileRequest(
  transaction: RegistryTransaction,
  entitled: Entitled,
  { request: { publicKey }, address, now }: FiledBy,
): Promise<RequestRecord> {
  const { deviceId, group, credential, factory, outdated } = entitled;
  for (const lapsed of await transaction.lapsedRequests(now, REMOVED_AT_ONCE)) {
    await dropRequest(transaction, lapsed);
  }
  if (outdated !== undefined) {
    refuseHaste(outdated, now);
    await dropRequest(transaction, outdated);
  }
  await refuseFull(transaction, entitled, now);
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

/** Whoever asks for another key each time leaves two rows in the journal with each: no sooner than it was told to. */
function refuseHaste({ createdAt }: RequestRecord, now: number): void {
  const wait = createdAt / 1_000 + retryAfter(0) - now / 1_000;
  if (wait <= 0) return;
  const detail = 'this device asked for another key a moment ago';
  throw new ComeBackLater('rate_limited', detail, Math.ceil(wait));
}

async function refuseFull(
  transaction: RegistryTransaction,
  { credential, factory }: Entitled,
  now: number,
): Promise<void> {
  const own =
    factory === null
      ? await transaction.openRequestsBy(credential, now)
      : await transaction.openRequestsOf(factory.manufacturer, now);
  if (own >= MAX_OPEN_OF_ONE) {
    const whose = factory === null ? 'this token' : `manufacturer ${factory.manufacturer}`;
    throw new GatehouseError('requests_full', `${MAX_OPEN_OF_ONE} requests of ${whose} wait already`);
  }
  if ((await transaction.openRequests(now)) >= MAX_OPEN_REQUESTS) {
    throw new GatehouseError('requests_full', `${MAX_OPEN_REQUESTS} requests wait already`);
  }
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
