/** The CA that signs: the issuer the registry calls active, with its key from the store, opened once at start. */
import { GatehouseError } from '../../core/errors.ts';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { CaKeyStore } from './key-store.ts';

export interface IssuingAuthority {
  /** The issuer that new certificates come from. */
  current(): Issuer;
}

/** @throws GatehouseError `issuer_unknown`, and what the key store throws */
export async function loadIssuingAuthority(
  registry: RegistryReader,
  keys: CaKeyStore,
): Promise<IssuingAuthority> {
  const record = (await registry.issuers()).find(
    ({ kind, status }) => kind === 'issuing' && status === 'active',
  );
  if (record === undefined)
    throw new GatehouseError('issuer_unknown', 'the registry holds no active issuing CA');
  const certificate = parseCaCertificate(record.der);
  const issuer: Issuer = { certificate, signer: await keys.signerOf('issuing', certificate) };
  return { current: () => issuer };
}
