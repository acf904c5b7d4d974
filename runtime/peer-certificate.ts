/** The certificate that a peer showed in the TLS handshake, or in the one that its session goes back to. */
import type { X509Certificate } from 'node:crypto';
import type { PeerCertificate as ShownCertificate, TLSSocket } from 'node:tls';
import { type ErrorCode, GatehouseError } from '../core/errors.ts';
import {
  type DeviceId,
  type Fingerprint,
  isDeviceId,
  parseFingerprint,
  parseSerialNumber,
  quote,
  type SerialNumber,
} from '../core/ids.ts';

export interface PeerCertificate {
  /** SHA-256 over the DER as it came. */
  readonly fingerprint: Fingerprint;
  /** As the certificate claims; null where it has no CN, or several. */
  readonly commonName: string | null;
  readonly serialNumber: string;
  /** OpenSSL's name for what is wrong with the chain; null where it leads to a trust anchor. */
  readonly chainError: string | null;
}

/** A peer whose certificate leads to our CA: what the registry is asked about. */
export interface VerifiedPeer {
  readonly fingerprint: Fingerprint;
  readonly device: DeviceId;
  readonly serialNumber: SerialNumber;
}

const COMMON_NAME = 'CN=';

const PERIOD_ERRORS: Readonly<Record<string, ErrorCode>> = {
  CERT_HAS_EXPIRED: 'certificate_expired',
  CERT_NOT_YET_VALID: 'certificate_not_yet_valid',
};

/**
 * Undefined where the peer showed none. Works alike on resumed sessions of TLS 1.2 and 1.3. After a full handshake not by
 * `getPeerX509Certificate`: that takes what was sent behind the certificate off OpenSSL's list, and never frees it. With a
 * resumed session there is no such list.
 */
export function readPeerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  const known = socket.isSessionReused() ? socket.getPeerX509Certificate() : undefined;
  return (known && readAtOnce(known, socket)) ?? readInFull(socket);
}

/** A tenth of the time of `readInFull`, which has OpenSSL decode the key. Undefined where the name is not plainly one. */
function readAtOnce(certificate: X509Certificate, socket: TLSSocket): PeerCertificate | undefined {
  const { subject, serialNumber, fingerprint256 } = certificate;
  // A line each; characters that could make another one, or an RDN of several values, leave no device ID.
  const [line = '', ...others] = subject.split('\n').filter((name) => name.includes(COMMON_NAME));
  const commonName = line.startsWith(COMMON_NAME) ? line.slice(COMMON_NAME.length) : '';
  if (others.length > 0 || !isDeviceId(commonName)) return undefined;
  const chainError = chainErrorOf(socket);
  return { fingerprint: parseFingerprint(fingerprint256), commonName, serialNumber, chainError };
}

function readInFull(socket: TLSSocket): PeerCertificate | undefined {
  // Null where the socket has gone, and an empty object where no certificate was sent; the types know neither.
  const certificate: Partial<ShownCertificate> | null = socket.getPeerCertificate();
  if (certificate?.fingerprint256 === undefined || certificate.serialNumber === undefined) return undefined;
  const names: unknown = certificate.subject?.CN;
  return {
    fingerprint: parseFingerprint(certificate.fingerprint256),
    commonName: typeof names === 'string' ? names : null,
    serialNumber: certificate.serialNumber,
    chainError: chainErrorOf(socket),
  };
}

/** Whatever is not a plain yes counts as no. */
function chainErrorOf({ authorized, authorizationError }: TLSSocket): string | null {
  return authorized ? null : String(authorizationError ?? 'not verified');
}

export interface VerificationOptions {
  /**
   * Leaves it to the caller to judge the period of validity, and the signature as well: OpenSSL tells of one error
   * alone, and a forged certificate that has expired is called expired.
   */
  readonly ignorePeriod?: boolean;
  /**
   * Leaves all that OpenSSL finds wrong to the caller: of a resumed session it tells what it found in the handshake that the
   * session goes back to, and a CA may be trusted since then. That the peer had the key was proven there in any case.
   */
  readonly ignoreChain?: boolean;
}

/**
 * The first lock: what TLS itself can tell. That a certificate is there is checked apart from the chain, because
 * Node calls a resumed TLS 1.3 session authorized even if no certificate was ever shown in it.
 * @throws GatehouseError `certificate_missing`, `certificate_expired`, `certificate_not_yet_valid`,
 * `certificate_untrusted`, `certificate_unknown`
 */
export function verifyPeer(
  peer: PeerCertificate | undefined,
  { ignorePeriod = false, ignoreChain = false }: VerificationOptions = {},
): VerifiedPeer {
  if (peer === undefined) throw new GatehouseError('certificate_missing');
  const { fingerprint, commonName, serialNumber } = peer;
  const chainError = ignoreChain ? null : peer.chainError;
  const periodError = chainError === null ? undefined : PERIOD_ERRORS[chainError];
  if (periodError !== undefined && !ignorePeriod) throw new GatehouseError(periodError);
  if (chainError !== null && periodError === undefined) {
    throw new GatehouseError('certificate_untrusted', `the chain does not verify: ${chainError}`);
  }
  if (commonName === null || !isDeviceId(commonName)) {
    throw new GatehouseError('certificate_unknown', `CN ${quote(commonName ?? '')} is not a device ID`);
  }
  return { fingerprint, device: commonName, serialNumber: parseSerialNumber(serialNumber) };
}
