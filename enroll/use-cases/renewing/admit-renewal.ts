/**
 * Whether a certificate may be renewed for a key: every rule of renewal, in order, over the registry as it stands.
 * As with enrollment it is asked twice: before signing, and again inside the transaction that records the result.
 */
import { X509Certificate } from 'node:crypto';
import { GatehouseError } from '../../../core/errors.ts';
import { quote } from '../../../core/ids.ts';
import type { CertificationRequest } from '../../../core/pki/csr.ts';
import type { Profile } from '../../../core/pki/profile.ts';
import { ISSUED_AT_MOST, issuanceWindow } from '../../../core/pki/renewal.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { Admission, CertificateRecord, DeviceRecord, IssuerRecord } from '../../../registry/records.ts';
import { checkStanding, findStanding } from '../../../registry/standing.ts';
import type { VerifiedPeer } from '../../../runtime/peer-certificate.ts';
import { ComeBackLater } from '../come-back-later.ts';
import type { CertificateTerms } from '../issuing/certificate-terms.ts';
import { profileFor, refuseBlockedKey, refuseKey } from '../issuing/key-rules.ts';
import { groupOrRefuse } from '../look-ups.ts';

export interface AskedRenewal {
  /** Verified by TLS but for its period of validity. */
  readonly peer: VerifiedPeer;
  readonly csr: CertificationRequest;
  /** See `RenewalRequest`. */
  readonly checkAgainst?: ((request: CertificationRequest, current: CertificateRecord) => void) | undefined;
}

export type AdmittedRenewal =
  /** This certificate and this new key were served before, and the result was not used yet: here it is again. */
  | { readonly kind: 'repeated'; readonly device: DeviceRecord; readonly certificate: CertificateRecord }
  | {
      readonly kind: 'granted';
      readonly device: DeviceRecord;
      readonly terms: CertificateTerms;
      /** The certificate to renew. */
      readonly current: CertificateRecord;
      /** Successors that nobody has used: a new one takes their place. */
      readonly unused: readonly CertificateRecord[];
    };

/** @throws GatehouseError `certificate_*`, `issuer_retired`, `device_*`, `cn_not_allowed`, `key_*`, `renewed_too_often` */
export async function admitRenewal(
  registry: RegistryReader,
  { peer, csr, checkAgainst }: AskedRenewal,
  now: number,
): Promise<AdmittedRenewal> {
  const standing = await findStanding(registry, peer);
  const group = await groupOrRefuse(registry, standing.device.group);
  checkStanding(standing, peer, { now, grace: group.renewalGrace });
  const { current, device, issuer } = await recordsOf(registry, standing);
  checkIssuer(current, issuer, now);

  checkAgainst?.(csr, current);
  if (csr.commonName !== null && csr.commonName !== device.id) {
    throw new GatehouseError('cn_not_allowed', `the certificate is not for ${quote(csr.commonName)}`);
  }
  // Whoever knows a compromised key could make itself a lasting identity with it.
  await refuseBlockedKey(registry, current);
  await refuseKey(registry, device.id, csr.publicKey);
  const profile = await profileFor(registry, group, csr.publicKey);

  const successors = await registry.unusedRenewals(device.id);
  const unused = successors.filter(({ serialNumber }) => serialNumber !== current.serialNumber);
  for (const certificate of unused) {
    const isSame =
      certificate.renews === current.serialNumber &&
      certificate.keyFingerprint === csr.publicKey.keyFingerprint;
    if (isSame && (await isUsable(registry, certificate, now))) {
      return { kind: 'repeated', device, certificate };
    }
  }
  await refuseTooMany(registry, device, profile, now);
  const { id, attributes } = device;
  const terms = { profile, device: { id, group: group.name, attributes } };
  return { kind: 'granted', device, terms, current, unused };
}

interface RenewalRecords {
  readonly current: CertificateRecord;
  readonly device: DeviceRecord;
  readonly issuer: IssuerRecord;
}

/** What renewal goes by beside the standing. @throws GatehouseError `certificate_unknown` where it has gone meanwhile */
async function recordsOf(
  registry: RegistryReader,
  { certificate, device: { id } }: Admission,
): Promise<RenewalRecords> {
  const current = await registry.certificate(certificate.fingerprint);
  const device = await registry.device(id);
  const issuer = await registry.issuer(certificate.issuer);
  if (current === undefined || device === undefined || issuer === undefined) {
    throw new GatehouseError('certificate_unknown');
  }
  return { current, device, issuer };
}

/**
 * Each certificate is a row until the retention is over, and one more on the CRL until it expires: a device that renews in a loop would
 * make both grow as fast as the network lets it.
 */
async function refuseTooMany(
  registry: RegistryReader,
  { id }: DeviceRecord,
  { validity }: Profile,
  now: number,
): Promise<void> {
  const issued = await registry.issuedAt(id, ISSUED_AT_MOST);
  const wait = issued === undefined ? 0 : issued + issuanceWindow(validity) - now;
  if (wait <= 0) return;
  const detail = `device ${quote(id)} was given ${ISSUED_AT_MOST} certificates within a short time`;
  throw new ComeBackLater('renewed_too_often', detail, Math.ceil(wait / 1_000));
}

/**
 * TLS has verified the chain, unless the certificate has expired: then OpenSSL may have kept another error to itself.
 * The record was found by the fingerprint of the very certificate that the peer showed, which alone proves that it
 * was issued here; that the issuer signed it, and is in time itself, is looked at all the same.
 */
function checkIssuer(certificate: CertificateRecord, issuer: IssuerRecord, now: number): void {
  const { publicKey } = new X509Certificate(issuer.der);
  if (!new X509Certificate(certificate.der).verify(publicKey)) {
    throw new GatehouseError('certificate_untrusted', 'its signature is not that of its issuer');
  }
  if (now > issuer.notAfter) {
    throw new GatehouseError('certificate_untrusted', `its issuer ${issuer.subject} has expired`);
  }
}

/** To be given a certificate that no broker would admit would help nobody. */
async function isUsable(
  registry: RegistryReader,
  certificate: CertificateRecord,
  now: number,
): Promise<boolean> {
  const issuer = await registry.issuer(certificate.issuer);
  return now <= certificate.notAfter && issuer !== undefined && issuer.status !== 'retired';
}
