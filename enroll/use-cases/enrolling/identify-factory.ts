/**
 * Whose device it is that shows a factory certificate (IEEE 802.1AR). The path has been validated by OpenSSL, in the
 * handshake; which manufacturer's it was is found here, over the manufacturers as they stand.
 */
import { X509Certificate } from 'node:crypto';
import { GatehouseError } from '../../../core/errors.ts';
import { type FactoryCertificate, parseFactoryCertificate } from '../../../core/pki/foreign-certificate.ts';
import { type OwnedAnchor, ownersReached } from '../../../core/pki/issuer-search.ts';
import { parseManufacturerCas } from '../../../core/pki/manufacturer-cas.ts';
import type { RegistryReader } from '../../../registry/port/reader.ts';
import type { ManufacturerRecord } from '../../../registry/records.ts';

export interface FactoryPeer {
  /** What the device showed in its TLS handshake, its own certificate first: a few at most. A resumed session has no chain. */
  readonly chain: readonly X509Certificate[];
  /** OpenSSL's name for what is wrong with it; null where it leads to a trust anchor of the listener. */
  readonly chainError: string | null;
}

const PERIOD_ERRORS = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

/** A chain that OpenSSL has found a path from, to some trust anchor of the listener. */
export interface VerifiedChain {
  readonly leaf: X509Certificate;
  readonly presented: readonly X509Certificate[];
}

/** What TLS itself can tell. @throws GatehouseError `factory_certificate_untrusted`, `factory_certificate_expired` */
export function verifyFactoryPeer({ chain: [leaf, ...presented], chainError }: FactoryPeer): VerifiedChain {
  if (chainError !== null) {
    throw PERIOD_ERRORS.includes(chainError)
      ? new GatehouseError('factory_certificate_expired', `the chain does not verify: ${chainError}`)
      : untrusted(`the chain does not verify: ${chainError}`);
  }
  if (leaf === undefined) throw untrusted('no certificate was sent');
  return { leaf, presented };
}

/**
 * @throws GatehouseError `factory_certificate_untrusted`, `factory_certificate_expired`, `key_unsupported`, `key_weak`
 */
export async function identifyFactory(
  registry: RegistryReader,
  { leaf, presented }: VerifiedChain,
  now: number,
): Promise<{ readonly certificate: FactoryCertificate; readonly manufacturer: ManufacturerRecord }> {
  const manufacturer = theOnly(ownersReached(leaf, presented, await anchorsOf(registry)));
  const certificate = parseFactoryCertificate(leaf.raw);
  // The handshake may be a while ago. RFC 5280 §4.1.2.5: 99991231235959Z is no expiry, and no time comes after it.
  if (now > certificate.notAfter) throw new GatehouseError('factory_certificate_expired');
  return { certificate, manufacturer };
}

/** 'gatehouse' owns its own CAs, and nobody those above a manufacturer's anchors: what leads to them counts for nothing. */
type Owner = ManufacturerRecord | 'gatehouse' | 'nobody';

/** All that OpenSSL may end a path at, or the owner that is found need not be that of its path. */
async function anchorsOf(registry: RegistryReader): Promise<readonly OwnedAnchor<Owner>[]> {
  const issuers = await registry.issuers();
  const cas = (await registry.manufacturers()).map((owner) => ({
    owner,
    ...parseManufacturerCas(owner.certificates),
  }));
  const anchors = cas.flatMap(({ owner, anchors }) => anchors.map((ca) => ({ ...ca, owner })));
  const owned = new Set(anchors.map(({ fingerprint }) => fingerprint));
  const above = cas.flatMap(({ all }) => all).filter(({ fingerprint }) => !owned.has(fingerprint));
  return [
    ...issuers.map(({ der }) => ({ certificate: new X509Certificate(der), owner: 'gatehouse' as const })),
    ...anchors,
    ...above.map(({ certificate }) => ({ certificate, owner: 'nobody' as const })),
  ];
}

/** Where paths lead to several, it cannot be told which of them OpenSSL has validated. */
function theOnly(owners: ReadonlySet<Owner>): ManufacturerRecord {
  const [owner, ...others] = owners;
  if (others.length > 0) throw untrusted('it leads to the CAs of several manufacturers');
  if (owner === undefined || owner === 'nobody')
    throw untrusted('it leads to the CA of no manufacturer that is registered');
  if (owner === 'gatehouse')
    throw untrusted('it was issued by this Gatehouse: renew with it, or send a token');
  return owner;
}

function untrusted(detail: string): GatehouseError {
  return new GatehouseError('factory_certificate_untrusted', detail);
}
