/** Brings CAs into being: a key from the store, the certificate for it, and the key kept. Nothing is recorded here. */
import { type CaCertificate, parseCaCertificate } from '../../core/pki/certificate.ts';
import {
  type IssuedCertificate,
  type Issuer,
  issueIssuingCertificate,
  issueRootCertificate,
} from '../../core/pki/issue.ts';
import { issueSuccessorRoot } from '../../core/pki/roll-over.ts';
import type { CaKeyStore, NewCaKey } from './key-store.ts';

const YEAR = 365 * 86_400_000;
const ROOT_VALIDITY = 20 * YEAR;
const ISSUING_VALIDITY = 5 * YEAR;

export interface RootTerms {
  readonly keys: CaKeyStore;
  readonly now: number;
  /** The root that it succeeds, and whose name it bears. */
  readonly predecessor?: CaCertificate;
}

export async function createRoot({ keys, now, predecessor }: RootTerms): Promise<Issuer> {
  const key = await keys.generate('root');
  const terms = { key, validity: ROOT_VALIDITY, now };
  const certificate =
    predecessor === undefined
      ? await issueRootCertificate({ commonName: 'Gatehouse Root CA', ...terms })
      : await issueSuccessorRoot({ predecessor, ...terms });
  return kept(key, certificate);
}

export interface IssuingTerms extends Pick<RootTerms, 'keys' | 'now'> {
  readonly root: Issuer;
  /** Counts the issuing CAs: each has a name of its own, by which others find its CRL. */
  readonly number?: number;
  /** Absent where the status listener's address is not known yet: the certificate names no CRL then. */
  readonly statusUrl?: string | undefined;
}

export async function createIssuing({
  keys,
  root,
  now,
  number = 1,
  statusUrl,
}: IssuingTerms): Promise<Issuer> {
  const key = await keys.generate('issuing');
  const certificate = await issueIssuingCertificate({
    root,
    commonName: number === 1 ? 'Gatehouse Issuing CA' : `Gatehouse Issuing CA ${number}`,
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
