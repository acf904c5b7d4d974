/** Which root an issuing CA comes from, and what leads from a certificate to each of the roots that others may trust. */
import { X509Certificate } from 'node:crypto';
import type { Fingerprint } from '../../core/ids.ts';
import { encodePem } from '../../core/pki/pem.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { CrossCertificateRecord, IssuerRecord } from '../../registry/records.ts';

type Lineage = Pick<RegistryReader, 'issuers' | 'crossCertificates'>;

/** Roots bear one name: their key identifiers tell them apart (RFC 5280 §4.2.1.1). Undefined where it is none of these. */
export function rootOf({ der }: IssuerRecord, issuers: readonly IssuerRecord[]): IssuerRecord | undefined {
  const certificate = new X509Certificate(der);
  return issuers.find(
    ({ kind, der }) => kind === 'root' && certificate.checkIssued(new X509Certificate(der)),
  );
}

/** PEM of every root that is not retired, in the order in which they were added: what devices are to trust. */
export async function trustedRoots(registry: Pick<RegistryReader, 'issuers'>): Promise<string> {
  const roots = (await registry.issuers()).filter(
    ({ kind, status }) => kind === 'root' && status !== 'retired',
  );
  return roots.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
}

/** Those whose both roots are in use. */
export async function crossCertificatesInUse(registry: Lineage): Promise<readonly CrossCertificateRecord[]> {
  const cross = await registry.crossCertificates();
  if (cross.length === 0) return cross;
  const retired = (await registry.issuers()).filter(({ status }) => status === 'retired');
  const isRetired = (root: Fingerprint) => retired.some(({ fingerprint }) => fingerprint === root);
  return cross.filter(({ subject, issuer }) => !isRetired(subject) && !isRetired(issuer));
}

/**
 * PEM of what stands between a certificate of `issuer` and any root that a peer may trust: the issuer's own
 * certificate, and, while an older root stands beside its root, NewWithOld.
 */
export async function chainOf(registry: Lineage, issuer: Fingerprint): Promise<string> {
  const issuers = await registry.issuers();
  const own = issuers.find(({ fingerprint }) => fingerprint === issuer);
  if (own === undefined) return '';
  const chain = [own.der];
  const cross = (await crossCertificatesInUse(registry)).filter(({ kind }) => kind === 'newWithOld');
  let root = cross.length === 0 ? undefined : rootOf(own, issuers)?.fingerprint;
  for (let next = of(cross, root); next !== undefined; next = of(cross, root)) {
    chain.push(next.der);
    root = next.issuer;
  }
  return chain.map((der) => encodePem('CERTIFICATE', der)).join('');
}

function of(cross: readonly CrossCertificateRecord[], root: Fingerprint | undefined) {
  return cross.find(({ subject }) => subject === root);
}
