/** What the devices of the benchmark send: made before anything is timed, and the same for every server. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodePem } from '../../core/pki/pem.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { deviceIdFrom } from '../harness/device-id.ts';

export interface SigningRequest {
  /** Random, so that rows go to random places of the registry's indexes, as those of a real fleet do. */
  readonly deviceId: string;
  readonly csrPem: string;
  /** DER SubjectPublicKeyInfo, base64: the answer's certificate must carry it. */
  readonly publicKey: string;
}

/** A key (P-256) and an ID of its own for each: nothing enrolls twice. */
export async function makeSigningRequests(count: number, signal: AbortSignal): Promise<SigningRequest[]> {
  const requests: SigningRequest[] = [];
  while (requests.length < count) {
    requests.push(makeSigningRequest());
    if (requests.length % 100 === 0) await nextTurn(undefined, { signal });
  }
  return requests;
}

function makeSigningRequest(): SigningRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const deviceId = deviceIdFrom(randomBytes);
  return {
    deviceId,
    csrPem: encodePem('CERTIFICATE REQUEST', buildCsr({ commonName: deviceId, privateKey })),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}
