/**
 * The CRL of a root. It is signed when CAs change, which is when the root's key is at hand, and lasts for as long as
 * what the root has signed. It names the issuing CAs that were retired, and OldWithNew of a root that was.
 */
import type { SerialNumber } from '../../core/ids.ts';
import { buildCrl, type RevokedEntry } from '../../core/pki/crl.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { CrlRecord, IssuerRecord } from '../../registry/records.ts';
import { rootOf } from '../signer/lineage.ts';

export interface RootCrlTerms {
  readonly root: Issuer;
  readonly now: number;
  /** ms: when the last certificate that the root has signed expires. */
  readonly until: number;
  /** About to be retired. */
  readonly leaving?: IssuerRecord;
}

/** The next one. Number 1 is the first. */
export async function signRootCrl(
  registry: RegistryReader,
  { root, now, until, leaving }: RootCrlTerms,
): Promise<CrlRecord> {
  const issuer = root.certificate.fingerprint;
  const latest = await registry.keptCrl(issuer, 'full');
  const number = (await registry.crlNumber(issuer)) + 1n;
  const terms = { number, thisUpdate: now, nextUpdate: Math.max(until, latest?.nextUpdate ?? 0) };
  const revoked = await revokedBy(registry, root, { now, leaving });
  return { issuer, part: 'full', ...terms, der: await buildCrl({ issuer: root, ...terms, revoked }) };
}

async function revokedBy(
  registry: RegistryReader,
  { certificate: { fingerprint } }: Issuer,
  { now, leaving }: Pick<RootCrlTerms, 'now'> & { readonly leaving: IssuerRecord | undefined },
): Promise<readonly RevokedEntry[]> {
  const issuers = await registry.issuers();
  const retired = new Map(
    issuers
      .filter((one) => one.retiredAt !== null || one.fingerprint === leaving?.fingerprint)
      .map((one) => [one.fingerprint, { record: one, revokedAt: one.retiredAt ?? now }]),
  );
  const entry = (serialNumber: SerialNumber, revokedAt: number): RevokedEntry => ({
    serialNumber,
    revokedAt,
    reason: 'superseded',
  });
  const issuing = [...retired.values()]
    .filter(({ record }) => record.kind === 'issuing' && rootOf(record, issuers)?.fingerprint === fingerprint)
    .map(({ record, revokedAt }) => entry(record.serialNumber, revokedAt));
  const cross = (await registry.crossCertificates()).flatMap(({ issuer, subject, serialNumber }) => {
    const revokedAt = issuer === fingerprint ? retired.get(subject)?.revokedAt : undefined;
    return revokedAt === undefined ? [] : [entry(serialNumber, revokedAt)];
  });
  return [...issuing, ...cross];
}
