/** Whether a certificate stands, by what the registry holds of it. */
import { GatehouseError } from '../core/errors.ts';
import type { DeviceId, Fingerprint, SerialNumber } from '../core/ids.ts';
import type { RegistryReader } from './port/reader.ts';
import type { Admission, CertificateStatus, DeviceStatus } from './records.ts';

/** What a certificate says of itself, once its chain has been verified. */
export interface CertificateClaim {
  readonly fingerprint: Fingerprint;
  readonly device: DeviceId;
  readonly serialNumber: SerialNumber;
}

/** @throws GatehouseError `certificate_unknown`, `certificate_mismatch` */
export async function findStanding(
  registry: Pick<RegistryReader, 'admission' | 'certificateBySerial'>,
  { fingerprint, serialNumber }: CertificateClaim,
): Promise<Admission> {
  const record = await registry.admission(fingerprint);
  if (record !== undefined) return record;
  const namesake = await registry.certificateBySerial(serialNumber);
  throw new GatehouseError(namesake === undefined ? 'certificate_unknown' : 'certificate_mismatch');
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

export interface StandingOptions {
  /** ms, by our clock and not by the one that OpenSSL went by */
  readonly now: number;
  /** ms for which an expired certificate still counts: none at the broker, the group's when it is renewed. */
  readonly grace?: number;
}

/**
 * The second lock, pure: the same answer every time. The record was found by the SHA-256 of the peer's certificate,
 * so that one, and no other with its name and serial number, was issued directly by the issuer on record: no chain
 * of another depth gets here.
 * @throws GatehouseError naming the rule that refuses
 */
export function checkStanding(
  { certificate, device, issuer }: Admission,
  peer: CertificateClaim,
  { now, grace = 0 }: StandingOptions,
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
  if (issuer.kind !== 'issuing') {
    throw new GatehouseError('certificate_untrusted', `its issuer ${issuer.subject} issues to no devices`);
  }
  if (issuer.status === 'retired') throw new GatehouseError('issuer_retired', `${issuer.subject} is retired`);
  if (device.status !== 'active') throw new GatehouseError(DEVICE_REFUSALS[device.status]);
  if (certificate.status !== 'active') throw new GatehouseError(CERTIFICATE_REFUSALS[certificate.status]);
  // RFC 5280 §4.1.2.5: both ends belong to the period.
  if (now < certificate.notBefore) {
    throw new GatehouseError('certificate_not_yet_valid', periodOf(certificate, now));
  }
  if (now > certificate.notAfter + grace) {
    throw new GatehouseError('certificate_expired', periodOf(certificate, now));
  }
}

/** What a device with a wrong clock needs to see. */
function periodOf({ notBefore, notAfter }: Admission['certificate'], now: number): string {
  const [from, to, here] = [notBefore, notAfter, now].map((time) => new Date(time).toISOString());
  return `it is valid from ${from} to ${to}; the server's clock says ${here}`;
}
