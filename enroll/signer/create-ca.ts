/** Brings CAs into being: a key from the store, the certificate for it, and the key kept. Nothing is recorded here. */
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import {
  type IssuedCertificate,
  type Issuer,
  issueIssuingCertificate,
  issueRootCertificate,
} from '../../core/pki/issue.ts';
import type { CaKeyStore, NewCaKey } from './key-store.ts';

const YEAR = 365 * 86_400_000;
const ROOT_VALIDITY = 20 * YEAR;
const ISSUING_VALIDITY = 5 * YEAR;

export interface RootTerms {
  readonly keys: CaKeyStore;
  readonly now: number;
}

export async function createRoot({ keys, now }: RootTerms): Promise<Issuer> {
  const key = await keys.generate('root');
  const certificate = await issueRootCertificate({
    commonName: 'Gatehouse Root CA',
    key,
    validity: ROOT_VALIDITY,
    now,
  });
  return kept(key, certificate);
}

export interface IssuingTerms extends RootTerms {
  readonly root: Issuer;
  /** Absent where the status listener's address is not known yet: the certificate names no CRL then. */
  readonly statusUrl?: string | undefined;
}

export async function createIssuing({ keys, root, now, statusUrl }: IssuingTerms): Promise<Issuer> {
  const key = await keys.generate('issuing');
  const certificate = await issueIssuingCertificate({
    root,
    commonName: 'Gatehouse Issuing CA',
    publicKey: key.publicKey,
    validity: ISSUING_VALIDITY,
    now,
    ...(statusUrl === undefined ? {} : { statusUrl }),
  });
  return kept(key, certificate);
}

async function kept(key: NewCaKey, { der }: IssuedCertificate): Promise<Issuer> {
  const certificate = parseCaCertificate(der);
  await key.keep(certificate);
  return { certificate, signer: key.signer };
}
