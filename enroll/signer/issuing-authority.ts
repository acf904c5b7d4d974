/**
 * The CAs that sign: the issuer the registry calls active, and those before it that still answer for what they issued.
 * Their keys are opened once, at the start or when a new one is made.
 */
import { GatehouseError } from '../../core/errors.ts';
import type { Fingerprint } from '../../core/ids.ts';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { IssuerRecord } from '../../registry/records.ts';
import type { CaKeyStore } from './key-store.ts';

/** A retiring CA that cannot sign: no new CRL and no OCSP answers for its certificates; all else goes on. */
export interface LostKey {
  readonly issuer: IssuerRecord;
  readonly error: GatehouseError;
}

export class IssuingAuthority {
  #current: Issuer;
  #retiring: readonly Issuer[];
  /** As it was at the start. */
  readonly lostKeys: readonly LostKey[];

  constructor(current: Issuer, retiring: readonly Issuer[] = [], lostKeys: readonly LostKey[] = []) {
    this.#current = current;
    this.#retiring = retiring;
    this.lostKeys = lostKeys;
  }

  /** The issuer that new certificates come from. */
  current(): Issuer {
    return this.#current;
  }

  /** Every issuer that answers for its certificates: with its CRL, and by OCSP. */
  all(): readonly Issuer[] {
    return [this.#current, ...this.#retiring];
  }

  of(fingerprint: Fingerprint): Issuer | undefined {
    return this.all().find(({ certificate }) => certificate.fingerprint === fingerprint);
  }

  /** New certificates come from `issuer` from now on. */
  succeed(issuer: Issuer): void {
    this.#retiring = this.all();
    this.#current = issuer;
  }

  /** It signs no more. @param fingerprint not that of the current one */
  retire(fingerprint: Fingerprint): void {
    this.#retiring = this.#retiring.filter(({ certificate }) => certificate.fingerprint !== fingerprint);
  }
}

/**
 * Without the key of the active issuer there is nothing to start for; a retiring one that has lost its key is no
 * reason to stay down, and cannot even be retired then.
 * @throws GatehouseError `issuer_unknown`, and what the key store throws
 */
export async function loadIssuingAuthority(
  registry: RegistryReader,
  keys: CaKeyStore,
): Promise<IssuingAuthority> {
  const records = (await registry.issuers()).filter(({ kind }) => kind === 'issuing');
  const active = records.find(({ status }) => status === 'active');
  if (active === undefined)
    throw new GatehouseError('issuer_unknown', 'the registry holds no active issuing CA');
  const retiring: Issuer[] = [];
  const lostKeys: LostKey[] = [];
  for (const issuer of records.filter(({ status }) => status === 'retiring')) {
    try {
      retiring.push(await openIssuer(keys, issuer));
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error;
      lostKeys.push({ issuer, error });
    }
  }
  return new IssuingAuthority(await openIssuer(keys, active), retiring, lostKeys);
}

/** A CA with its key. @throws GatehouseError as the key store does */
export async function openIssuer(keys: CaKeyStore, { kind, der }: IssuerRecord): Promise<Issuer> {
  const certificate = parseCaCertificate(der);
  return { certificate, signer: await keys.signerOf(kind, certificate) };
}
