/** A device that is asked about, its CA, and the responder that answers. */
import { sequence } from '../../core/pki/der.ts';
import { issueOcspResponderCertificate } from '../../core/pki/issue.ts';
import { issuerHashes, ocspResponder, parseOcspRequest } from '../../core/pki/ocsp.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner } from '../../core/pki/signer.ts';
import { certId } from '../support/ocsp.ts';
import { refusalOf } from './refusal.ts';
import { createAuthority, DAY, generateKeyPairs, issueDevice, SECOND } from './test-authority.ts';

export const now = Date.now();
const keys = generateKeyPairs();
export const { root, issuing } = await createAuthority({ now, issuingKeys: keys['ec-p256'] });
export const device = await issueDevice({ issuer: issuing, now, keys: keys.ed25519 });
const responderKey = publicKeyOf(keys['ec-p384'].publicKey);
export const responderCertificate = await issueOcspResponderCertificate({
  issuer: issuing,
  commonName: 'Test OCSP',
  publicKey: responderKey,
  validity: DAY,
  now,
});
export const responder = ocspResponder(
  responderCertificate,
  responderKey,
  createKeySigner(keys['ec-p384'].privateKey),
);
export const ours = issuerHashes(issuing.certificate);
export const times = { producedAt: now, thisUpdate: now, nextUpdate: now + 3_600 * SECOND };

export const serialNumber = BigInt(`0x${device.serialNumber}`);
export const aboutDevice = sequence(certId('sha256', serialNumber, issuing));
export const refusal = (der: Uint8Array) => refusalOf(() => parseOcspRequest(der));
