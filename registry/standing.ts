/** Whether a certificate stands, by what the registry holds of it. Pure: the same answer every time. */
import { GatehouseError } from '../core/errors.ts';
import type { DeviceId, Fingerprint, SerialNumber } from '../core/ids.ts';
import type { Admission, CertificateStatus, DeviceStatus } from './records.ts';

/** What a certificate says of itself, once its chain has been verified. */
export interface CertificateClaim {
  readonly fingerprint: Fingerprint;
  readonly device: DeviceId;
  readonly serialNumber: SerialNumber;
}

const DEVICE_REFUSALS = {
  suspended: 'device_suspended',
  revoked: 'device_revoked',
} as const satisfies Record<Exclude<DeviceStatus, 'active'>, string>;
const CERTIFICATE_REFUSALS = {
  superseded: 'certificate_superseded',
  suspended: 'certificate_suspended',
  revoked: 'certificate_revoked',
} as const satisfies Record<Exclude<CertificateStatus, 'active'>, string>;

/**
 * The second lock. The record was found by the SHA-256 of the peer's certificate, so that one, and no other with
 * its name and serial number, was issued directly by the issuer on record: no chain of another depth gets here.
 * @param now ms, by our clock and not by the one that OpenSSL went by
 * @throws GatehouseError naming the rule that refuses
 */
export function checkStanding(
  { certificate, device, issuer }: Admission,
  peer: CertificateClaim,
  now: number,
): void {
  const { fingerprint, serialNumber } = certificate;
  if (
    fingerprint !== peer.fingerprint ||
    serialNumber !== peer.serialNumber ||
    certificate.device !== peer.device ||
    device.id !== peer.device
  ) {
    throw new GatehouseError('certificate_mismatch');
  }
  if (issuer.status === 'retired' || issuer.kind !== 'issuing') {
    throw new GatehouseError('certificate_untrusted', `its issuer ${issuer.subject} is not in use`);
  }
  if (device.status !== 'active') throw new GatehouseError(DEVICE_REFUSALS[device.status]);
  if (certificate.status !== 'active') throw new GatehouseError(CERTIFICATE_REFUSALS[certificate.status]);
  // RFC 5280 §4.1.2.5: both ends belong to the period.
  if (now < certificate.notBefore) throw new GatehouseError('certificate_not_yet_valid');
  if (now > certificate.notAfter) throw new GatehouseError('certificate_expired');
}
