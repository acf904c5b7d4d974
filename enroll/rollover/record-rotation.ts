/** A rotation in the registry: who is retiring, who takes over, and what goes with them, each with its journal row. */
import type { Issuer } from '../../core/pki/issue.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import type { CrlRecord, CrossCertificateRecord, IssuerRecord } from '../../registry/records.ts';
import { recordCrl } from '../crl/record-crl.ts';

export interface NewCas {
  /** Null where the root stays. */
  readonly root: Issuer | null;
  readonly issuing: Issuer;
  readonly cross: readonly CrossCertificateRecord[];
  /** Of the roots. */
  readonly crls: readonly CrlRecord[];
}

export async function recordRotation(
  transaction: RegistryTransaction,
  { root, issuing, cross, crls }: NewCas,
  now: number,
): Promise<void> {
  if (root !== null) await succeed(transaction, 'root', root, now);
  await succeed(transaction, 'issuing', issuing, now);
  for (const certificate of cross) {
    const { fingerprint, kind, serialNumber, subject: certified, issuer } = certificate;
    await transaction.insertCrossCertificate(certificate);
    await transaction.append({
      action: 'cross.issued',
      subject: fingerprint,
      data: { kind, serialNumber, certified, issuer },
    });
  }
  for (const crl of crls) await recordCrl(transaction, crl);
}

/** The one that is active makes room first: there is one of each kind. */
async function succeed(
  transaction: RegistryTransaction,
  kind: IssuerRecord['kind'],
  { certificate }: Issuer,
  now: number,
): Promise<void> {
  const { fingerprint, serialNumber, subject, notBefore, notAfter, der } = certificate;
  for (const before of await transaction.issuers()) {
    if (before.kind !== kind || before.status !== 'active') continue;
    await transaction.setIssuerStatus(before.fingerprint, 'retiring', now);
    await transaction.append({
      action: 'issuer.retiring',
      subject: before.fingerprint,
      data: { by: fingerprint },
    });
  }
  await transaction.insertIssuer({
    ...{ fingerprint, kind, status: 'active', serialNumber, subject, notBefore, notAfter, der },
  });
  await transaction.append({ action: 'issuer.added', subject: fingerprint, data: { subject, serialNumber } });
}
