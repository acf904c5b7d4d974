/** What an enrollment leaves in the registry: all of it in the transaction that decided on it. */
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord, RequestRecord } from '../../../registry/records.ts';
import { insertIssued } from '../issuing/certificate-record.ts';
import type { Entitled } from './admit-request.ts';
import { enrolledBy } from './enrolled-by.ts';
import { dropRequest } from './file-request.ts';

export async function recordEnrollment(
  transaction: RegistryTransaction,
  entitled: Entitled,
  certificate: CertificateRecord,
  keyFrom: 'device' | 'server',
): Promise<void> {
  const { deviceId, group, open, outdated } = entitled;
  const { serialNumber, fingerprint, issuer, notAfter, issuedAt } = certificate;
  if (entitled.device === undefined) {
    await transaction.insertDevice({
      id: deviceId,
      group: group.name,
      status: 'active',
      attributes: {},
      createdAt: issuedAt,
      changedAt: issuedAt,
    });
  }
  // Who enrolls anew has lost or replaced the old key: what it protected must not stay usable.
  const superseded = (await transaction.revocableCertificates(deviceId, issuedAt))
    .filter(({ status }) => status === 'active')
    .map((old) => old.serialNumber);
  await transaction.setCertificateStatus(superseded, 'superseded', issuedAt, 'superseded');
  await insertIssued(transaction, certificate);
  await recordUse(transaction, entitled, certificate);
  // Once, by whichever way: an operator's leave for a new owner is not to lie about.
  if (entitled.device !== undefined) await transaction.endRelease(deviceId);
  if (open !== undefined) await closeRequest(transaction, open, certificate);
  await transaction.append({
    action: 'device.enrolled',
    subject: deviceId,
    data: {
      serialNumber,
      fingerprint,
      issuer,
      notAfter,
      group: group.name,
      superseded,
      ...enrolledBy(entitled),
      ...(open?.status === 'approved' ? { request: open.id } : {}),
      ...(keyFrom === 'server' ? { keyFrom } : {}),
    },
  });
  if (outdated !== undefined) await dropRequest(transaction, outdated);
}

async function recordUse(
  transaction: RegistryTransaction,
  { credential, factory, deviceId }: Entitled,
  { keyFingerprint, serialNumber }: CertificateRecord,
): Promise<void> {
  if (factory === null) {
    const tokenId = credential.slice('token:'.length);
    return transaction.recordTokenUse(tokenId, keyFingerprint, serialNumber);
  }
  const { manufacturer, certificate: factoryCertificate } = factory;
  const use = { device: deviceId, manufacturer, factoryCertificate, keyFingerprint, serialNumber };
  return transaction.putFactoryUse(use);
}

async function closeRequest(
  transaction: RegistryTransaction,
  { id, decidedAt, decidedBy, reason }: RequestRecord,
  { serialNumber }: CertificateRecord,
): Promise<void> {
  const change = { status: 'issued', expiresAt: null, decidedAt, decidedBy, reason, serialNumber } as const;
  await transaction.updateRequest(id, change);
}
