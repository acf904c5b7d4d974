/** The CRL of an issuing CA: what the registry says of its certificates, signed by it, and recorded with its number. */
import { buildCrl } from '../../core/pki/crl.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import type { RegistryReader, RegistryTransaction } from '../../registry/port.ts';
import type { CrlRecord } from '../../registry/records.ts';

export const CRL_LIFETIME = 24 * 3_600_000;

export interface IssuingCrlTerms {
  readonly issuer: Issuer;
  readonly statusUrl: string;
  readonly now: number;
  /** ms; a day from now where absent. */
  readonly until?: number;
}

/** The next one. Number 1 is the first. */
export async function signIssuingCrl(
  registry: RegistryReader,
  { issuer, statusUrl, now, until = now + CRL_LIFETIME }: IssuingCrlTerms,
): Promise<CrlRecord> {
  const { fingerprint } = issuer.certificate;
  const number = ((await registry.latestCrl(fingerprint))?.number ?? 0n) + 1n;
  const revoked = await registry.revokedCertificates(fingerprint, now);
  const distributionPoint = statusUrls(statusUrl, fingerprint).crl;
  const terms = { number, thisUpdate: now, nextUpdate: until };
  return {
    issuer: fingerprint,
    ...terms,
    der: await buildCrl({ issuer, ...terms, revoked, distributionPoint }),
  };
}

export async function recordCrl(transaction: RegistryTransaction, crl: CrlRecord): Promise<void> {
  await transaction.putCrl(crl);
  await transaction.append({
    action: 'crl.issued',
    subject: crl.issuer,
    data: { number: String(crl.number) },
  });
}
