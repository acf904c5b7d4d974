/** Manufacturers and what leaves their factories: CAs and device certificates, every part of which can be made wrong. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  type Asn1,
  boolean,
  implicitPrimitive,
  objectIdentifier,
  sequence,
  setOf,
  utf8String,
} from '../../core/pki/der.ts';
import {
  authorityKeyIdentifier,
  criticalExtension,
  keyUsage,
  subjectAlternativeNames,
  subjectKeyIdentifier,
} from '../../core/pki/extensions.ts';
import { oids } from '../../core/pki/oids.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { type IssuedCertificate, signCertificate } from '../../core/pki/sign-certificate.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import { privateKeyPem } from '../../device-sim/identity/private-key.ts';
import type { ClientIdentity } from './enroll-service.ts';

/** IEEE 802.1AR §8.7: 99991231235959Z, which is no expiry. */
export const NO_EXPIRY = Date.UTC(9999, 11, 31, 23, 59, 59);
const YEAR = 365 * 86_400_000;

/** `cert` is its own certificate and those above it, without the root. */
export interface Made extends ClientIdentity {
  readonly name: Asn1;
  readonly privateKey: KeyObject;
  readonly certificate: IssuedCertificate;
  readonly selfSigned: boolean;
}

export interface MakeOptions {
  readonly subject?: Readonly<Record<string, string>>;
  /** Null for self-signed. */
  readonly issuer: Made | null;
  readonly privateKey?: KeyObject;
  /** Another's, for a certificate that is not for this key. */
  readonly publicKey?: KeyObject;
  /** Null leaves basicConstraints out. */
  readonly ca?: boolean | null;
  readonly usages?: readonly ('digitalSignature' | 'keyCertSign')[];
  readonly san?: readonly Asn1[];
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** Whether subject and authority key identifiers are there. */
  readonly identifiers?: boolean;
}

const ATTRIBUTES: Readonly<Record<string, string>> = {
  cn: oids.commonName,
  serialNumber: oids.serialNumberAttribute,
  o: oids.organizationName,
};

export const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
export const dnsName = (text: string) => implicitPrimitive(2, Buffer.from(text));
export const uriName = (text: string) => implicitPrimitive(6, Buffer.from(text));

export async function make(options: MakeOptions): Promise<Made> {
  const { subject = {}, issuer, privateKey = newKey(), ca = false, identifiers = true } = options;
  const { publicKey = privateKey } = options;
  const { usages = ['digitalSignature'], san } = options;
  const { notBefore = Date.now() - 60_000, notAfter = Date.now() + YEAR } = options;
  const name = sequence(
    ...Object.entries(subject).map(([attribute, value]) =>
      setOf(sequence(objectIdentifier(ATTRIBUTES[attribute] ?? attribute), utf8String(value))),
    ),
  );
  const signingKey = issuer?.privateKey ?? privateKey;
  const extensions = [
    ...(ca === null
      ? []
      : [criticalExtension(oids.basicConstraints, ca ? sequence(boolean(true)) : sequence())]),
    ...(usages.length === 0 ? [] : [keyUsage(...usages)]),
    ...(identifiers ? [subjectKeyIdentifier(identifierOf(privateKey))] : []),
    ...(identifiers ? [authorityKeyIdentifier(identifierOf(signingKey))] : []),
    ...(san === undefined ? [] : [subjectAlternativeNames(san)]),
  ];
  const certificate = await signCertificate(
    {
      issuerName: issuer?.name ?? name,
      subject: name,
      publicKey: publicKeyOf(publicKey),
      notBefore,
      notAfter,
      extensions,
    },
    createKeySigner(signingKey),
  );
  const above = issuer === null || issuer.selfSigned ? '' : issuer.cert;
  return {
    name,
    privateKey,
    certificate,
    key: privateKeyPem(privateKey),
    cert: certificate.pem + above,
    selfSigned: issuer === null,
  };
}

export function makeRoot(cn: string, options: Partial<MakeOptions> = {}): Promise<Made> {
  return make({ subject: { cn }, issuer: null, ca: true, usages: ['keyCertSign'], ...options });
}

export function makeIntermediate(
  cn: string,
  issuer: Made,
  options: Partial<MakeOptions> = {},
): Promise<Made> {
  return make({ subject: { cn }, issuer, ca: true, usages: ['keyCertSign'], ...options });
}

/** A device with its factory certificate: what it shows in the TLS handshake. */
export function makeDevice(
  issuer: Made,
  subject: Readonly<Record<string, string>>,
  options: Partial<MakeOptions> = {},
): Promise<Made> {
  return make({ subject, issuer, ...options });
}

function identifierOf(key: KeyObject): Uint8Array {
  return Buffer.from(publicKeyOf(key).keyFingerprint, 'hex').subarray(0, 20);
}
