/**
 * The certificates that Gatehouse issues, one function a kind. What stands in them is decided here and by the
 * profile; of a request only the key comes in, and the name that enrollment allowed.
 */
import { hash } from 'node:crypto';
import { GatehouseError } from '../errors.ts';
import type { TemplateSubject } from '../template.ts';
import type { CaCertificate } from './certificate.ts';
import { type CrlShards, crlPartOf } from './crl-names.ts';
import { type Asn1, encoded } from './der.ts';
import { deviceNames } from './device-names.ts';
import {
  authorityKeyIdentifier,
  basicConstraintsOfCa,
  extendedKeyUsage,
  keyUsage,
  ocspNoCheck,
  statusPointers,
  subjectAlternativeNames,
  subjectKeyIdentifier,
} from './extensions.ts';
import { generalName } from './general-name.ts';
import { commonNameOnly } from './name.ts';
import type { Profile } from './profile.ts';
import type { PublicKey } from './public-key.ts';
import { randomSerialNumber } from './serial-number.ts';
import { type IssuedCertificate, signCertificate } from './sign-certificate.ts';
import type { Signer, SigningKey } from './signer.ts';
import { statusUrls } from './status-urls.ts';

export type { IssuedCertificate } from './sign-certificate.ts';

/** A CA that can sign: its certificate, and its key behind the port. */
export interface Issuer {
  readonly certificate: CaCertificate;
  readonly signer: Signer;
}

/** Clocks out there run behind by half a minute and more; a certificate must not look unborn to them. */
export const BACKDATE = 60_000;
/** Issuing CAs sign no CA. */
const ISSUING_PATH_LENGTH = 0;

export interface RootRequest {
  readonly commonName: string;
  readonly key: SigningKey;
  /** Milliseconds, as every duration and time here. */
  readonly validity: number;
  readonly now: number;
}

/** @throws GatehouseError `cn_invalid`, `key_unsupported`, `key_weak` */
export async function issueRootCertificate(request: RootRequest): Promise<IssuedCertificate> {
  return selfSigned(commonNameOnly(request.commonName), request);
}

/** A root, its name given as it is to stand in it. @throws GatehouseError `key_unsupported`, `key_weak` */
export function selfSigned(
  name: Asn1,
  { key, validity, now }: Omit<RootRequest, 'commonName'>,
): Promise<IssuedCertificate> {
  const { publicKey, signer } = key;
  const identifier = keyIdentifierOf(publicKey);
  const content = {
    issuerName: name,
    subject: name,
    publicKey,
    notBefore: now - BACKDATE,
    notAfter: now + validity,
    extensions: [...caExtensions(identifier), authorityKeyIdentifier(identifier)],
  };
  return signCertificate(content, signer);
}

export interface IssuingRequest {
  readonly root: Issuer;
  readonly commonName: string;
  readonly publicKey: PublicKey;
  readonly validity: number;
  readonly now: number;
  /** Base address of the status listener; without it the certificate names no CRL. */
  readonly statusUrl?: string;
}

/** @throws GatehouseError `cn_invalid`, `issuer_expired`, `issuer_key_mismatch` */
export function issueIssuingCertificate(request: IssuingRequest): Promise<IssuedCertificate> {
  const { root, commonName, publicKey, statusUrl } = request;
  return issue(root, statusUrl, {
    subject: commonNameOnly(commonName),
    publicKey,
    ...validityWithin(root.certificate, { backdate: BACKDATE, ...request }),
    extensions: caExtensions(keyIdentifierOf(publicKey), ISSUING_PATH_LENGTH),
    ocsp: false,
  });
}

export interface DeviceRequest {
  readonly issuer: Issuer;
  readonly profile: Profile;
  /** Its ID is the CN; the rest is for the templates of the profile. */
  readonly device: TemplateSubject;
  readonly publicKey: PublicKey;
  readonly now: number;
  readonly statusUrl: string;
  /** Into how many lists the certificates are split, of which this one names its own; 1 where absent. */
  readonly crlShards?: CrlShards | undefined;
  /** DNS names that no device may have: those of Gatehouse's own listeners. */
  readonly reservedHostnames: readonly string[];
}

/** Device certificates are for signing alone: neither TLS nor anything else here has a key encrypted to a device. */
export const DEVICE_KEY_USAGE = ['digitalSignature'] as const;

/**
 * @throws GatehouseError `key_unsupported` where the profile does not take the key, `attribute_missing`,
 *   `certificate_name_invalid`, `issuer_expired`, `issuer_key_mismatch`
 */
export async function issueDeviceCertificate(request: DeviceRequest): Promise<IssuedCertificate> {
  const { issuer, profile, device, publicKey, now, statusUrl, crlShards, reservedHostnames } = request;
  const { kind } = publicKey;
  if (!profile.keys.includes(kind)) {
    throw new GatehouseError(
      'key_unsupported',
      `The profile ${profile.name} takes ${profile.keys.join(', ')}; this key is ${kind}`,
    );
  }
  const { subject, subjectAltNames } = deviceNames(profile, device, reservedHostnames);
  return issue(issuer, statusUrl, {
    subject,
    publicKey,
    crlShards,
    ...validityWithin(issuer.certificate, { ...profile, now }),
    extensions: [
      keyUsage(...DEVICE_KEY_USAGE),
      extendedKeyUsage(...profile.extendedKeyUsage),
      // Never empty (§4.2.1.6), and never critical, since the subject is not empty.
      ...(subjectAltNames.length === 0 ? [] : [subjectAlternativeNames(subjectAltNames)]),
    ],
  });
}

export interface ServerRequest {
  readonly issuer: Issuer;
  readonly commonName: string;
  /** DNS names and IP addresses that the server answers to. */
  readonly hostnames: readonly string[];
  readonly publicKey: PublicKey;
  readonly validity: number;
  readonly now: number;
  readonly statusUrl?: string;
}

/** @throws GatehouseError `cn_invalid`, `setting_invalid` for a hostname, `issuer_expired`, `issuer_key_mismatch` */
export async function issueServerCertificate(request: ServerRequest): Promise<IssuedCertificate> {
  const { issuer, commonName, hostnames, publicKey, statusUrl } = request;
  if (hostnames.length === 0) throw new GatehouseError('setting_invalid', 'A server needs a hostname');
  return issue(issuer, statusUrl, {
    subject: commonNameOnly(commonName),
    publicKey,
    ...validityWithin(issuer.certificate, { backdate: BACKDATE, ...request }),
    extensions: [
      keyUsage('digitalSignature'),
      extendedKeyUsage('serverAuth'),
      subjectAlternativeNames([...new Set(hostnames)].map(generalName)),
    ],
  });
}

export interface OcspResponderRequest {
  readonly issuer: Issuer;
  readonly commonName: string;
  readonly publicKey: PublicKey;
  /** Short: nobody can revoke a certificate that says its status need not be asked. */
  readonly validity: number;
  readonly now: number;
}

/** A delegated responder (RFC 6960 §4.2.2.2). @throws GatehouseError `cn_invalid`, `issuer_expired`, `issuer_key_mismatch` */
export function issueOcspResponderCertificate(request: OcspResponderRequest): Promise<IssuedCertificate> {
  const { issuer, commonName, publicKey } = request;
  return issue(issuer, undefined, {
    subject: commonNameOnly(commonName),
    publicKey,
    ...validityWithin(issuer.certificate, { backdate: BACKDATE, ...request }),
    extensions: [keyUsage('digitalSignature'), extendedKeyUsage('ocspSigning'), ocspNoCheck()],
  });
}

interface LeafContent {
  readonly subject: Asn1;
  readonly publicKey: PublicKey;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly Asn1[];
  /** False where nobody answers OCSP for the issuer: a root, whose key is away. */
  readonly ocsp?: false;
  /** 1 where absent: it is on the full list alone. */
  readonly crlShards?: CrlShards | undefined;
}

/** Adds what every certificate has from its issuer: the name, the AKI, and where to ask for the status. */
export async function issue(
  { certificate, signer }: Issuer,
  statusUrl: string | undefined,
  content: LeafContent,
): Promise<IssuedCertificate> {
  if (signer.keyFingerprint !== certificate.publicKey.keyFingerprint) {
    throw new GatehouseError('issuer_key_mismatch', `The key at hand is not that of ${certificate.subject}`);
  }
  const { ocsp = true } = content;
  const serialNumber = randomSerialNumber();
  const part = crlPartOf(serialNumber, content.crlShards ?? 1);
  const extensions = [
    ...content.extensions,
    authorityKeyIdentifier(certificate.subjectKeyIdentifier),
    ...(statusUrl === undefined
      ? []
      : statusPointers(statusUrls(statusUrl, certificate.fingerprint, part), ocsp)),
  ];
  const issuerName = encoded(certificate.subjectDer);
  return signCertificate({ ...content, serialNumber, issuerName, extensions }, signer);
}

/**
 * @param identifier of the CA's key: what it signs will name it
 * @param pathLength absent for a root: not every verifier leaves a self-issued certificate out of the count (RFC 5280
 * §6.1.4 (l)), and one stands between two roots in a rollover
 */
export function caExtensions(identifier: Uint8Array, pathLength?: number): Asn1[] {
  return [
    basicConstraintsOfCa(pathLength),
    keyUsage('keyCertSign', 'cRLSign'),
    subjectKeyIdentifier(identifier),
  ];
}

/** RFC 7093 §2 method 1: the leftmost 160 bits of SHA-256 over the key's bits. */
export function keyIdentifierOf({ subjectPublicKey }: PublicKey): Uint8Array {
  return hash('sha256', subjectPublicKey, 'buffer').subarray(0, 20);
}

/** A certificate lives within its issuer's life, whatever the profile says: it could not be verified outside. */
export function validityWithin(
  issuer: CaCertificate,
  { now, validity, backdate }: { readonly now: number; readonly validity: number; readonly backdate: number },
) {
  if (now >= issuer.notAfter) {
    throw new GatehouseError(
      'issuer_expired',
      `${issuer.subject} expired on ${new Date(issuer.notAfter).toISOString()}`,
    );
  }
  return {
    notBefore: Math.max(now - backdate, issuer.notBefore),
    notAfter: Math.min(now + validity, issuer.notAfter),
  };
}
