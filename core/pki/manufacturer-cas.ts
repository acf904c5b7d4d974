/** The file of CA certificates that an operator registers for a manufacturer. */
import { GatehouseError } from '../errors.ts';
import { quote } from '../ids.ts';
import { type ForeignCa, parseForeignCa } from './foreign-certificate.ts';
import { isIssuedBy } from './issuer-search.ts';
import { decodePemBlocks } from './pem.ts';

/** One manufacturer's: a few product lines, each with its root. Every one of them is named in each TLS handshake. */
const MAX_CERTIFICATES = 8;

export interface ManufacturerCas {
  /** All of them, in the order of the file. */
  readonly all: readonly ForeignCa[];
  /**
   * Those that certificates must lead to: the ones that issued no other CA in the file. A root alone is its own anchor;
   * an intermediate with its root narrows what counts to what the intermediate issued.
   */
  readonly anchors: readonly ForeignCa[];
}

/**
 * @param pem one or more blocks; an intermediate needs those above it, up to the root, because OpenSSL validates whole paths
 * @throws GatehouseError `pem_invalid`, `certificate_malformed`, `key_*`, `manufacturer_ca_invalid`
 */
export function parseManufacturerCas(pem: string): ManufacturerCas {
  const all = decodePemBlocks('CERTIFICATE', pem, MAX_CERTIFICATES).map(parseForeignCa);
  const fingerprints = new Set(all.map(({ fingerprint }) => fingerprint));
  if (fingerprints.size < all.length) throw invalid('a certificate stands there twice');
  for (const one of all) {
    if (!all.some((issuer) => isIssuedBy(one.certificate, issuer.certificate))) {
      throw invalid(`the issuer of ${quote(one.subject)} is missing: add those above it, up to the root`);
    }
  }
  // A root that issued another one with its own key and name anew has not thereby become an intermediate.
  const issued = all.filter(({ certificate }) => !isIssuedBy(certificate, certificate));
  const anchors = all.filter(
    (one) => !issued.some((other) => other !== one && isIssuedBy(other.certificate, one.certificate)),
  );
  if (anchors.length === 0) throw invalid('they issued one another in a circle');
  return { all, anchors };
}

function invalid(detail: string): GatehouseError {
  return new GatehouseError('manufacturer_ca_invalid', detail);
}
