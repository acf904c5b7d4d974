/** The CA that signs: the issuer the registry calls active, with its key from disk, decrypted once at start. */

import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GatehouseError } from '../../core/errors.ts';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { decryptPrivateKey } from '../../core/pki/encrypted-key.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { DataLayout } from '../../runtime/layout.ts';

export interface IssuingAuthority {
  /** The issuer that new certificates come from. */
  current(): Issuer;
}

/** @throws GatehouseError `issuer_unknown`, `data_incomplete`, `passphrase_wrong` */
export async function loadIssuingAuthority(
  registry: RegistryReader,
  layout: DataLayout,
  passphrase: string,
): Promise<IssuingAuthority> {
  const record = (await registry.issuers()).find(
    ({ kind, status }) => kind === 'issuing' && status === 'active',
  );
  if (record === undefined)
    throw new GatehouseError('issuer_unknown', 'the registry holds no active issuing CA');
  const path = layout.ca.issuingKey(record.fingerprint);
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    throw new GatehouseError('data_incomplete', `${path}, the key of the issuing CA, cannot be read`, {
      cause: error,
    });
  }
  const key = decryptPrivateKey(pem, passphrase);
  const certificate = parseCaCertificate(record.der);
  if (Buffer.compare(publicKeyOf(createPublicKey(key)).spki, certificate.publicKey.spki) !== 0) {
    throw new GatehouseError('data_incomplete', `${path} is not the key of the issuing CA in the registry`);
  }
  const issuer: Issuer = { certificate, signer: createKeySigner(key) };
  return { current: () => issuer };
}
