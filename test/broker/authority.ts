/** Certificates for the broker's tests: those of one Gatehouse's CA, and others that only look like them. */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Fingerprint, parseDeviceId, parseEntityName, type SerialNumber } from '../../core/ids.ts';
import type { NameTemplates } from '../../core/pki/device-names.ts';
import {
  type Issuer,
  issueDeviceCertificate,
  issueRootCertificate,
  issueServerCertificate,
} from '../../core/pki/issue.ts';
import { defaultProfile, parseProfile } from '../../core/pki/profile.ts';
import { publicKeyOf } from '../../core/pki/public-key.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import { DAY, STATUS_URL } from '../pki/test-authority.ts';

/** What a client connects with, and what a registry keeps of it. */
export interface Identity {
  readonly id: string;
  readonly key: string;
  /** PEM: the certificate and the CA that issued it. */
  readonly chain: string;
  readonly der: Uint8Array;
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly keyFingerprint: Fingerprint;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface IssueOptions {
  /** The moment of issue, ms since the epoch. */
  readonly now?: number;
  readonly validity?: number;
  /** What the certificate names besides the ID. */
  readonly names?: Partial<NameTemplates>;
}

function newKey(): { key: KeyObject; pem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: privateKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

export async function issueDevice(
  issuer: Issuer,
  id: string,
  { now = Date.now(), validity = 90 * DAY, names = {} }: IssueOptions = {},
): Promise<Identity> {
  const { key, pem } = newKey();
  const issued = await issueDeviceCertificate({
    issuer,
    profile: { ...parseProfile(defaultProfile), validity, ...names },
    device: { id: parseDeviceId(id), group: parseEntityName('devices'), attributes: {} },
    publicKey: publicKeyOf(key),
    now,
    statusUrl: STATUS_URL,
    reservedHostnames: [],
  });
  return { ...issued, id, key: pem, chain: issued.pem + issuer.certificate.pem };
}

/** A certificate for servers: a client cannot be admitted by it, though the same CA issued it. */
export async function issueServer(issuer: Issuer, id: string): Promise<Identity> {
  const { key, pem } = newKey();
  const issued = await issueServerCertificate({
    issuer,
    commonName: id,
    hostnames: ['localhost', '127.0.0.1'],
    publicKey: publicKeyOf(key),
    validity: 30 * DAY,
    now: Date.now(),
    statusUrl: STATUS_URL,
  });
  return { ...issued, id, key: pem, chain: issued.pem + issuer.certificate.pem };
}

/** Self-signed, with `id` as its CN. */
export async function selfSigned(id: string): Promise<Identity> {
  const { key, pem } = newKey();
  const issued = await issueRootCertificate({
    commonName: id,
    key: signingKeyOf(key),
    validity: DAY,
    now: Date.now(),
  });
  return { ...issued, id, key: pem, chain: issued.pem };
}
