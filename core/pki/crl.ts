/**
 * Certificate revocation lists (RFC 5280 §5), of version 2: complete ones and deltas. What is to be signed is built by
 * itself, so that another thread can do it, which never has the key; the signature is then put around it in place.
 */
import type { CaCertificate } from './certificate.ts';
import { CrlEntries, type RevokedEntry } from './crl-entries.ts';
import { bitString, encode, explicit, header, integer, sequence, time } from './der.ts';
import { tags } from './der-fields.ts';
import {
  authorityKeyIdentifier,
  crlNumber,
  deltaCrlIndicator,
  freshestCrl,
  issuingDistributionPoint,
} from './extensions.ts';
import type { Issuer } from './issue.ts';
import { type SignatureAlgorithm, signatureAlgorithmIdentifier } from './signature-algorithm.ts';
import type { Signer } from './signer.ts';

export type { RevokedEntry } from './crl-entries.ts';

export interface CrlTerms {
  readonly issuer: Pick<CaCertificate, 'subjectDer' | 'subjectKeyIdentifier'>;
  /** Of the key that will sign. */
  readonly algorithm: SignatureAlgorithm;
  /** Greater than that of every CRL before. */
  readonly number: bigint;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /**
   * Addresses that certificates on this list have in their CDP (crl-names.ts). None for the root's CRL: whoever checks
   * a whole chain looks for the root's own certificate in it as well, which has no CDP, and with an IDP it would not fit.
   */
  readonly distributionPoints: readonly string[];
  /** Address of the delta, in a full list that has one. */
  readonly freshest?: string | undefined;
  /** For a delta: the number of the full list that it adds to. */
  readonly base?: bigint | undefined;
}

/** A TBSCertList with room around it. */
export interface UnsignedCrl {
  readonly room: Uint8Array;
  /** Where it begins and ends in there. */
  readonly start: number;
  readonly end: number;
}

export interface CrlContent extends Omit<CrlTerms, 'issuer' | 'algorithm' | 'distributionPoints'> {
  readonly issuer: Issuer;
  readonly revoked: readonly RevokedEntry[];
  /** None for the root's CRL. */
  readonly distributionPoint?: string;
}

const VERSION_2 = 1;
/** For the header of the CertificateList. */
const ROOM_BEFORE = 8;
/** For algorithm and signature: those of RSA with 4,096 bits take half of it. */
const ROOM_AFTER = 1_024;

/** A small list, built and signed at once. @returns DER CertificateList */
export function buildCrl({ issuer, revoked, distributionPoint, ...terms }: CrlContent): Promise<Uint8Array> {
  const entries = new CrlEntries();
  for (const entry of revoked) entries.add(entry);
  const { certificate, signer } = issuer;
  const distributionPoints = distributionPoint === undefined ? [] : [distributionPoint];
  const own = { issuer: certificate, algorithm: signer.algorithm, distributionPoints };
  return signCrl(unsignedCrl({ ...terms, ...own }, [entries.bytes]), signer);
}

/** @param entries what CrlEntries has written, in any number of pieces */
export function unsignedCrl(terms: CrlTerms, entries: readonly Uint8Array[]): UnsignedCrl {
  const { issuer, algorithm, thisUpdate, nextUpdate } = terms;
  const length = entries.reduce((sum, piece) => sum + piece.length, 0);
  const content = [
    encode(integer(VERSION_2)),
    encode(signatureAlgorithmIdentifier(algorithm)),
    issuer.subjectDer,
    encode(time(thisUpdate)),
    encode(time(nextUpdate)),
    // "When there are no revoked certificates, the revoked certificates list MUST be absent" (§5.1.2.6)
    ...(length === 0 ? [] : [header(tags.sequence, length), ...entries]),
    encode(explicit(0, sequence(...extensionsOf(terms)))),
  ];
  const contentLength = content.reduce((sum, piece) => sum + piece.length, 0);
  const outer = header(tags.sequence, contentLength);
  const start = ROOM_BEFORE;
  const end = start + outer.length + contentLength;
  const room = new Uint8Array(end + ROOM_AFTER);
  let position = start;
  for (const piece of [outer, ...content]) {
    room.set(piece, position);
    position += piece.length;
  }
  return { room, start, end };
}

/** Writes the signature into the room. @returns DER CertificateList (§5.1.1), a part of the room */
export async function signCrl({ room, start, end }: UnsignedCrl, signer: Signer): Promise<Uint8Array> {
  const signature = await signer.sign(room.subarray(start, end));
  const after = Buffer.concat([
    encode(signatureAlgorithmIdentifier(signer.algorithm)),
    encode(bitString(signature)),
  ]);
  room.set(after, end);
  const before = header(tags.sequence, end - start + after.length);
  room.set(before, start - before.length);
  return room.subarray(start - before.length, end + after.length);
}

function extensionsOf({ issuer, number, distributionPoints, freshest, base }: CrlTerms) {
  return [
    authorityKeyIdentifier(issuer.subjectKeyIdentifier),
    crlNumber(number),
    ...(base === undefined ? [] : [deltaCrlIndicator(base)]),
    ...(distributionPoints.length === 0 ? [] : [issuingDistributionPoint(...distributionPoints)]),
    ...(freshest === undefined ? [] : [freshestCrl(freshest)]),
  ];
}
