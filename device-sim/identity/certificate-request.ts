/** The CSR of a key, kept until it is answered: the same request gets the same answer, however often it is sent. */
import type { KeyObject } from 'node:crypto';
import type { DeviceId } from '../../core/ids.ts';
import { decodeCsr, parseCsr } from '../../core/pki/csr.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { type PublicKey, publicKeyOf } from '../../core/pki/public-key.ts';
import { buildCsr } from './csr.ts';
import type { IdentityStorage, Slot } from './identity-storage.ts';

/** @returns PEM: the stored request where it is for this name and key, else a new one, stored */
export async function obtainRequest(
  storage: IdentityStorage,
  slot: Slot,
  { commonName, privateKey }: { readonly commonName: DeviceId; readonly privateKey: KeyObject },
): Promise<string> {
  const stored = await storage.read(`${slot}request.pem`);
  if (stored !== undefined && asksFor(stored, commonName, publicKeyOf(privateKey))) return stored;
  const request = encodePem('CERTIFICATE REQUEST', buildCsr({ commonName, privateKey }));
  await storage.write(`${slot}request.pem`, request);
  return request;
}

/** A stored request that asks for another name, or cannot be read, is simply made anew: nothing depends on it. */
function asksFor(request: string, commonName: DeviceId, { keyFingerprint }: PublicKey): boolean {
  try {
    const parsed = parseCsr(decodeCsr(request));
    return parsed.commonName === commonName && parsed.publicKey.keyFingerprint === keyFingerprint;
  } catch {
    return false;
  }
}
