/**
 * Where the CA keys live: a port, so that they can lie in encrypted files, or in hardware that never lets them out.
 * A store hands out signers and no keys.
 */
import type { CaCertificate } from '../../core/pki/certificate.ts';
import type { Signer, SigningKey } from '../../core/pki/signer.ts';
import type { IssuerRecord } from '../../registry/records.ts';

export type CaKind = IssuerRecord['kind'];

/** A key pair for a CA that is about to be. */
export interface NewCaKey extends SigningKey {
  /** Makes it last, for the CA of this certificate. What is not kept is of no use to anybody. */
  keep(certificate: CaCertificate): Promise<void>;
}

export interface CaKeyStore {
  /** P-384 for a root, which lives for decades, and P-256 for an issuing CA, whose signature every connection checks. */
  generate(kind: CaKind): Promise<NewCaKey>;
  /** @throws GatehouseError `ca_key_missing`, `issuer_key_mismatch`, and what the store has to say of itself */
  signerOf(kind: CaKind, certificate: CaCertificate): Promise<Signer>;
  /** Lets go of the place where the keys live; what was generated and not kept is removed from there. */
  close(): Promise<void>;
}

export const CURVES = { root: 'P-384', issuing: 'P-256' } as const satisfies Record<CaKind, string>;
