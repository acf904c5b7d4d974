/** From the registry's records to what operators are shown: ISO times, PEM, and never a hash of a secret. */
import { z } from 'zod';
import type { BlockedKeyView } from '../../core/api/blocked-keys.ts';
import type { CertificateView } from '../../core/api/certificates.ts';
import type { DeviceDetail, DeviceView, PresenceView } from '../../core/api/devices.ts';
import type { GroupView } from '../../core/api/groups.ts';
import type { CrlView, IssuerView } from '../../core/api/issuers.ts';
import type { ManufacturerView } from '../../core/api/manufacturers.ts';
import type { OperatorView } from '../../core/api/operators.ts';
import type { RequestView } from '../../core/api/requests.ts';
import type { TokenView } from '../../core/api/tokens.ts';
import { parseFingerprint } from '../../core/ids.ts';
import { crlFileName } from '../../core/pki/crl-names.ts';
import { parseManufacturerCas } from '../../core/pki/manufacturer-cas.ts';
import { encodePem } from '../../core/pki/pem.ts';
import type {
  BlockedKeyRecord,
  CertificateRecord,
  DeviceRecord,
  DocumentRecord,
  FactoryUseRecord,
  GroupRecord,
  IssuerRecord,
  ManufacturerRecord,
  OperatorRecord,
  RequestRecord,
  TokenRecord,
} from '../../registry/records.ts';
import type { ListedCrl } from '../crl/crl-store.ts';
import { purposeOf } from '../own-certificates.ts';

/** @param enrolledAt undefined where it has no certificate yet @param presence null where it was never seen */
export function deviceView(
  device: DeviceRecord,
  enrolledAt: number | undefined,
  presence: PresenceView | null,
): DeviceView {
  const { id, group, status, attributes, createdAt, changedAt } = device;
  return {
    id,
    group,
    status,
    attributes,
    createdAt: iso(createdAt),
    changedAt: iso(changedAt),
    enrolledAt: enrolledAt === undefined ? null : iso(enrolledAt),
    presence,
  };
}

export interface DeviceParts {
  readonly enrolledAt: number | undefined;
  readonly certificates: readonly CertificateRecord[];
  readonly factoryUse: FactoryUseRecord | undefined;
  readonly releasedAt: number | undefined;
  readonly presence: PresenceView | null;
}

/** @param certificates newest first */
export function deviceDetail(
  device: DeviceRecord,
  { enrolledAt, certificates, factoryUse, releasedAt, presence }: DeviceParts,
): DeviceDetail {
  const factory = factoryUse && {
    manufacturer: factoryUse.manufacturer,
    certificate: factoryUse.factoryCertificate,
  };
  return {
    ...deviceView(device, enrolledAt, presence),
    certificates: certificates.map(certificateView),
    factory: factory ?? null,
    releasedAt: releasedAt === undefined ? null : iso(releasedAt),
  };
}

export function certificateView(certificate: CertificateRecord): CertificateView {
  const { serialNumber, fingerprint, device, issuer, status, reason, renews, der } = certificate;
  const { issuedAt, notBefore, notAfter, revokedAt, firstUsedAt } = certificate;
  return {
    serialNumber,
    fingerprint,
    purpose: purposeOf(certificate),
    device,
    issuer,
    status,
    issuedAt: iso(issuedAt),
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

export function crlView({
  issuer,
  part,
  number,
  thisUpdate,
  nextUpdate,
  entries,
  bytes,
}: ListedCrl): CrlView {
  return {
    list: part,
    number: String(number),
    thisUpdate: iso(thisUpdate),
    nextUpdate: iso(nextUpdate),
    entries,
    bytes,
    path: `/crl/${crlFileName({ issuer, part })}.crl`,
  };
}

export function operatorView({ name, role, createdAt }: OperatorRecord): OperatorView {
  return { name, role, createdAt: iso(createdAt) };
}

/** Durations are seconds there, and milliseconds here. */
export function groupView({ renewalGrace, ...group }: GroupRecord): GroupView {
  return { ...group, renewalGrace: renewalGrace / 1_000 };
}

export function manufacturerView({ certificates, changedAt, ...rule }: ManufacturerRecord): ManufacturerView {
  const { all, anchors } = parseManufacturerCas(certificates);
  return {
    ...rule,
    changedAt: iso(changedAt),
    certificates: all.map((ca) => ({
      subject: ca.subject,
      fingerprint: ca.fingerprint,
      notAfter: iso(ca.notAfter),
      anchor: anchors.includes(ca),
      pem: encodePem('CERTIFICATE', ca.der),
    })),
  };
}

export function requestView({ credential, ...request }: RequestRecord): RequestView {
  const { createdAt, expiresAt, decidedAt, manufacturer } = request;
  const shown = credential.slice(credential.indexOf(':') + 1);
  return {
    ...request,
    token: manufacturer === null ? shown : null,
    factoryCertificate: manufacturer === null ? null : parseFingerprint(shown),
    createdAt: iso(createdAt),
    expiresAt: expiresAt === null ? null : iso(expiresAt),
    decidedAt: decidedAt === null ? null : iso(decidedAt),
  };
}

/** A policy or profile as it was written, and when. */
export function documentView({ name, document, changedAt }: DocumentRecord) {
  return { ...z.looseObject({}).parse(JSON.parse(document)), name, changedAt: iso(changedAt) };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
