/**
 * The certificates of a root rollover (RFC 4210 §4.4, RFC 7030 §4.1.3): NewWithNew, the new root itself, and the two by
 * which the roots vouch for one another. Both roots bear one name and are told apart by their key identifiers, so that
 * the cross certificates are self-issued and no path length counts them (RFC 5280 §6.1.4 (l)).
 */
import type { CaCertificate } from './certificate.ts';
import { encoded } from './der.ts';
import {
  BACKDATE,
  caExtensions,
  type IssuedCertificate,
  type Issuer,
  issue,
  selfSigned,
  validityWithin,
} from './issue.ts';
import type { SigningKey } from './signer.ts';

export interface SuccessorRequest {
  /** The root that it succeeds. */
  readonly predecessor: CaCertificate;
  readonly key: SigningKey;
  /** ms, as every duration and time here. */
  readonly validity: number;
  readonly now: number;
}

/** NewWithNew. @throws GatehouseError `key_unsupported`, `key_weak` */
export function issueSuccessorRoot({ predecessor, ...terms }: SuccessorRequest): Promise<IssuedCertificate> {
  return selfSigned(encoded(predecessor.subjectDer), terms);
}

export interface CrossRequest {
  /** The root that signs. */
  readonly issuer: Issuer;
  /** The root whose key is certified: OldWithNew where that is the older one, NewWithOld where it is the newer. */
  readonly subject: CaCertificate;
  readonly now: number;
  /** Base address of the status listener. */
  readonly statusUrl: string;
}

/** Lives as long as both roots do. @throws GatehouseError `issuer_expired`, `issuer_key_mismatch` */
export function issueCrossCertificate(request: CrossRequest): Promise<IssuedCertificate> {
  const { issuer, subject, now, statusUrl } = request;
  const terms = { now, validity: subject.notAfter - now, backdate: BACKDATE };
  return issue(issuer, statusUrl, {
    subject: encoded(subject.subjectDer),
    publicKey: subject.publicKey,
    ...validityWithin(issuer.certificate, terms),
    extensions: caExtensions(subject.subjectKeyIdentifier),
    ocsp: false,
  });
}
