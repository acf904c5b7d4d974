/**
 * To whose CA a chain of certificates leads. Node tells that OpenSSL has found a path to one of the trust anchors,
 * but not to which: here all that could be that path are followed, so that where they lead to one owner alone, it is
 * the owner of the path that OpenSSL has validated.
 */
import type { X509Certificate } from 'node:crypto';

/** One trust anchor of the listener that verified the chain. */
export interface OwnedAnchor<Owner> {
  readonly certificate: X509Certificate;
  readonly owner: Owner;
}

/**
 * The owners of the nearest anchors on every path from `leaf`. A link counts where the issuer is a CA that may sign
 * certificates, its name and key identifier fit, and its key verifies the signature: that holds for every link of a
 * path that is valid by RFC 5280 §6, so no valid path is missed.
 * @param presented the other certificates that the peer sent, in any order; the caller has bounded their number
 */
export function ownersReached<Owner>(
  leaf: X509Certificate,
  presented: readonly X509Certificate[],
  anchors: readonly OwnedAnchor<Owner>[],
): ReadonlySet<Owner> {
  const owners = new Set<Owner>();
  // An anchor that the peer has sent along is an anchor still: what is beyond it has no say.
  const ends = new Set(anchors.map(({ certificate }) => certificate.fingerprint256));
  const untried = new Set(presented.filter(({ fingerprint256 }) => !ends.has(fingerprint256)));
  const open = [leaf];
  for (let certificate = open.pop(); certificate !== undefined; certificate = open.pop()) {
    for (const anchor of anchors) {
      if (isIssuedBy(certificate, anchor.certificate)) owners.add(anchor.owner);
    }
    for (const issuer of untried) {
      if (!isIssuedBy(certificate, issuer)) continue;
      untried.delete(issuer);
      open.push(issuer);
    }
  }
  return owners;
}

/** Whether `issuer` is a CA that signed `certificate`. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A key of a kind that OpenSSL does not know signs nothing that it could have verified.
    return false;
  }
}
