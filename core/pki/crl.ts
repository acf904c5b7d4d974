/** Certificate revocation lists (RFC 5280 §5): complete, of version 2. */
import type { SerialNumber } from '../ids.ts';
import {
  type Asn1,
  encode,
  encoded,
  enumerated,
  explicit,
  integer,
  sequence,
  sequenceOf,
  time,
} from './der.ts';
import { authorityKeyIdentifier, crlNumber, extension, issuingDistributionPoint } from './extensions.ts';
import type { Issuer } from './issue.ts';
import { oids } from './oids.ts';
import { type RevocationReason, revocationReasons } from './revocation-reason.ts';
import { serialNumberInteger } from './serial-number.ts';
import { signed } from './sign-certificate.ts';
import { signatureAlgorithmIdentifier } from './signature-algorithm.ts';

export interface RevokedEntry {
  readonly serialNumber: SerialNumber;
  /** Milliseconds since the epoch. */
  readonly revokedAt: number;
  readonly reason: RevocationReason;
}

export interface CrlContent {
  readonly issuer: Issuer;
  /** Greater than that of every CRL before. */
  readonly number: bigint;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly revoked: readonly RevokedEntry[];
  /**
   * The address in the certificates' CDP (status-urls.ts). None for the root's CRL: whoever checks a whole chain
   * looks for the root's own certificate in it as well, which has no CDP, and with an IDP it would not fit.
   */
  readonly distributionPoint?: string;
}

const VERSION_2 = 1;

/** @returns DER CertificateList */
export function buildCrl(content: CrlContent): Promise<Uint8Array> {
  const { issuer, number, thisUpdate, nextUpdate, revoked, distributionPoint } = content;
  const { certificate, signer } = issuer;
  const extensions = [
    authorityKeyIdentifier(certificate.subjectKeyIdentifier),
    crlNumber(number),
    ...(distributionPoint === undefined ? [] : [issuingDistributionPoint(distributionPoint)]),
  ];
  const toBeSigned = sequence(
    integer(VERSION_2),
    signatureAlgorithmIdentifier(signer.algorithm),
    encoded(certificate.subjectDer),
    time(thisUpdate),
    time(nextUpdate),
    // "When there are no revoked certificates, the revoked certificates list MUST be absent" (§5.1.2.6)
    ...(revoked.length === 0 ? [] : [sequenceOf(revoked.map(entry))]),
    explicit(0, sequence(...extensions)),
  );
  return signed(encode(toBeSigned), signer);
}

function entry({ serialNumber, revokedAt, reason }: RevokedEntry): Asn1 {
  const fields = [serialNumberInteger(serialNumber), time(revokedAt)];
  // "The reason code CRL entry extension SHOULD be absent instead of using the unspecified (0) value" (§5.3.1)
  if (reason !== 'unspecified') fields.push(sequence(reasonExtension(reason)));
  return sequence(...fields);
}

function reasonExtension(reason: RevocationReason): Asn1 {
  return extension(oids.reasonCode, encode(enumerated(revocationReasons[reason])));
}
