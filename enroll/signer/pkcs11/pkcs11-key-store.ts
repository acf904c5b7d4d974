/** CA keys in a token that speaks PKCS #11: made there, used there, never out of there. */
import { createPublicKey, hash, webcrypto } from 'node:crypto';
import { GatehouseError } from '../../../core/errors.ts';
import type { CaCertificate } from '../../../core/pki/certificate.ts';
import { ecdsaSignature } from '../../../core/pki/ecdsa-signature.ts';
import { keyIdentifierOf } from '../../../core/pki/issue.ts';
import { type PublicKey, publicKeyOf } from '../../../core/pki/public-key.ts';
import { algorithmOfKey, LONG_DATA, type Signer } from '../../../core/pki/signer.ts';
import { type CaKeyStore, type CaKind, CURVES } from '../key-store.ts';
import type { TokenAddress, TokenKey } from './request.ts';
import { TokenClient } from './token-client.ts';

const KIND_OF_CURVE = { 'P-256': 'ec-p256', 'P-384': 'ec-p384' } as const;
/** As long as the curve's order: CKM_ECDSA takes the digest, made here. */
const DIGESTS = { 'ec-p256': 'sha256', 'ec-p384': 'sha384' } as const;
/** As the Web Cryptography API names them. */
const WEB_DIGESTS = { 'ec-p256': 'SHA-256', 'ec-p384': 'SHA-384' } as const;
const NAMES: Readonly<Record<CaKind, string>> = {
  root: 'Gatehouse Root CA',
  issuing: 'Gatehouse Issuing CA',
};

export function createPkcs11KeyStore(address: TokenAddress): CaKeyStore {
  const token = new TokenClient(address);
  /** Made and not kept, by their IDs: removed at the end. */
  const unkept = new Set<Uint8Array>();

  return {
    async generate(caKind) {
      const kind = KIND_OF_CURVE[CURVES[caKind]];
      const label = `${NAMES[caKind]}, not in use`;
      const spki = await token.ask({ operation: 'generate', kind, label });
      const publicKey = publicKeyOf(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
      const identifier = keyIdentifierOf(publicKey);
      unkept.add(identifier);
      return {
        publicKey,
        signer: signerWith(token, tokenKey(identifier, publicKey), publicKey),
        async keep({ fingerprint, subjectKeyIdentifier }) {
          const key = tokenKey(subjectKeyIdentifier, publicKey);
          const name = `${NAMES[caKind]} ${fingerprint.slice(0, 16)}`;
          await token.ask({ operation: 'name', identifier, key, label: name });
          unkept.delete(identifier);
        },
      };
    },

    async signerOf(_caKind, { publicKey, subjectKeyIdentifier, subject }: CaCertificate) {
      const key = tokenKey(subjectKeyIdentifier, publicKey);
      try {
        await token.ask({ operation: 'prove', key });
      } catch (error) {
        if (!(error instanceof GatehouseError && /^(ca_key|issuer_key)/.test(error.code))) throw error;
        throw new GatehouseError(error.code, `the key of ${subject}: ${error.message}`);
      }
      return signerWith(token, key, publicKey);
    },

    async close() {
      try {
        for (const identifier of unkept) await token.ask({ operation: 'destroy', identifier });
      } finally {
        await token.close();
      }
    },
  };
}

/** @throws GatehouseError `key_unsupported` */
function tokenKey(identifier: Uint8Array, { kind, spki }: PublicKey): TokenKey {
  if (kind === 'ec-p256' || kind === 'ec-p384') return { identifier, kind, spki };
  throw new GatehouseError('key_unsupported', `CA keys in a token are EC keys, P-256 or P-384, not ${kind}`);
}

function signerWith(token: TokenClient, key: TokenKey, { keyFingerprint }: PublicKey): Signer {
  const algorithm = algorithmOfKey[key.kind];
  return {
    algorithm,
    keyFingerprint,
    async sign(data) {
      try {
        const digest = await digestOf(key, data);
        return ecdsaSignature(await token.ask({ operation: 'sign', key, digest }));
      } catch (error) {
        if (!(error instanceof GatehouseError) || error.code === 'signer_unavailable') throw error;
        throw new GatehouseError('signer_unavailable', `${error.code}: ${error.message}`);
      }
    },
  };
}

/** What is long is hashed in another thread: a large CRL has megabytes. */
async function digestOf({ kind }: TokenKey, data: Uint8Array): Promise<Uint8Array> {
  if (data.length <= LONG_DATA) return hash(DIGESTS[kind], data, 'buffer');
  return new Uint8Array(await webcrypto.subtle.digest(WEB_DIGESTS[kind], data));
}
