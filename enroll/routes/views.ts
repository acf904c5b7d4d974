/** From the registry's records to what operators are shown: ISO times, PEM, and never a hash of a secret. */
import { z } from 'zod';
import type {
  BlockedKeyView,
  CertificateView,
  DeviceDetail,
  DeviceView,
  GroupView,
  IssuerView,
  OperatorView,
  TokenView,
} from '../../core/api.ts';
import { encodePem } from '../../core/pki/pem.ts';
import type {
  BlockedKeyRecord,
  CertificateRecord,
  DeviceRecord,
  DocumentRecord,
  GroupRecord,
  IssuerRecord,
  OperatorRecord,
  TokenRecord,
} from '../../registry/records.ts';

/** @param enrolledAt undefined where it has no certificate yet */
export function deviceView(device: DeviceRecord, enrolledAt: number | undefined): DeviceView {
  const { id, group, status, attributes, createdAt, changedAt } = device;
  return {
    id,
    group,
    status,
    attributes,
    createdAt: iso(createdAt),
    changedAt: iso(changedAt),
    enrolledAt: enrolledAt === undefined ? null : iso(enrolledAt),
  };
}

/** @param certificates newest first */
export function deviceDetail(device: DeviceRecord, certificates: readonly CertificateRecord[]): DeviceDetail {
  const enrolledAt = certificates.at(-1)?.issuedAt;
  return { ...deviceView(device, enrolledAt), certificates: certificates.map(certificateView) };
}

export function certificateView(certificate: CertificateRecord): CertificateView {
  const { serialNumber, fingerprint, device, issuer, status, reason, renews, der } = certificate;
  const { notBefore, notAfter, revokedAt, firstUsedAt } = certificate;
  return {
    serialNumber,
    fingerprint,
    device,
    issuer,
    status,
    notBefore: iso(notBefore),
    notAfter: iso(notAfter),
    revokedAt: revokedAt === null ? null : iso(revokedAt),
    reason,
    renews,
    firstUsedAt: firstUsedAt === null ? null : iso(firstUsedAt),
    pem: encodePem('CERTIFICATE', der),
  };
}

export function tokenView(token: TokenRecord, now: number): TokenView {
  const { id, group, device, maxUses, uses, createdAt, createdBy, expiresAt } = token;
  return {
    id,
    group,
    device,
    maxUses,
    uses,
    status: tokenStatus(token, now),
    createdAt: iso(createdAt),
    createdBy,
    expiresAt: iso(expiresAt),
  };
}

function tokenStatus({ revokedAt, uses, maxUses, expiresAt }: TokenRecord, now: number): TokenView['status'] {
  if (revokedAt !== null) return 'revoked';
  if (uses >= maxUses) return 'spent';
  return expiresAt <= now ? 'expired' : 'active';
}

export function blockedKeyView({ keyFingerprint, note, blockedAt }: BlockedKeyRecord): BlockedKeyView {
  return { fingerprint: keyFingerprint, note, blockedAt: iso(blockedAt) };
}

export function issuerView(issuer: IssuerRecord): IssuerView {
  const { fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der } = issuer;
  return {
    fingerprint,
    kind,
    status,
    serialNumber,
    subject,
    notBefore: iso(notBefore),
    notAfter: iso(notAfter),
    pem: encodePem('CERTIFICATE', der),
  };
}

export function operatorView({ name, role, createdAt }: OperatorRecord): OperatorView {
  return { name, role, createdAt: iso(createdAt) };
}

/** Durations are seconds there, and milliseconds here. */
export function groupView({ renewalGrace, ...group }: GroupRecord): GroupView {
  return { ...group, renewalGrace: renewalGrace / 1_000 };
}

/** A policy or profile as it was written, and when. */
export function documentView({ document, changedAt }: DocumentRecord): Record<string, unknown> {
  return { ...z.record(z.string(), z.unknown()).parse(JSON.parse(document)), changedAt: iso(changedAt) };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
