/** A certificate authority in memory that answers enrollments as the contract says, and counts what it issues. */
import { generateKeyPairSync } from 'node:crypto';
import type { EnrollResponse } from '../../../core/api/enrollment.ts';
import { parseDeviceId, parseEntityName } from '../../../core/ids.ts';
import { parseCaCertificate } from '../../../core/pki/certificate.ts';
import { decodeCsr, parseCsr } from '../../../core/pki/csr.ts';
import {
  type Issuer,
  issueDeviceCertificate,
  issueIssuingCertificate,
  issueRootCertificate,
  issueServerCertificate,
} from '../../../core/pki/issue.ts';
import { defaultProfile, parseProfile } from '../../../core/pki/profile.ts';
import { publicKeyOf } from '../../../core/pki/public-key.ts';
import { createKeySigner, signingKeyOf } from '../../../core/pki/signer.ts';

const HOUR_MS = 3_600_000;
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export interface Authority {
  /** PEM of the root. */
  readonly ca: string;
  /** How often a certificate was issued, by the fingerprint of the key. */
  readonly issued: Map<string, number>;
  /** What its answers say of the time from their issue on, in ms; else the profile's, and nothing falls due. */
  life: { readonly renewAfter: number; readonly notAfter: number } | undefined;
  /** Its clock, as far as its answers tell; the certificates have the time of day. */
  now: () => number;
  /** Same key, same certificate: what a token would have it do. */
  enroll(csr: string): Promise<EnrollResponse>;
  serverCredentials(hostnames: readonly string[]): Promise<{ readonly key: string; readonly cert: string }>;
}

export async function createAuthority(mqttUrl = 'mqtts://localhost:8883'): Promise<Authority> {
  const now = Date.now();
  const rootKey = newKey();
  const root = await issueRootCertificate({
    commonName: 'Test Root',
    key: signingKeyOf(rootKey),
    validity: HOUR_MS,
    now,
  });
  const issuingKey = newKey();
  const issuing = await issueIssuingCertificate({
    root: { certificate: parseCaCertificate(root.der), signer: createKeySigner(rootKey) },
    commonName: 'Test Issuing',
    publicKey: publicKeyOf(issuingKey),
    validity: HOUR_MS,
    now,
  });
  const issuer: Issuer = {
    certificate: parseCaCertificate(issuing.der),
    signer: createKeySigner(issuingKey),
  };
  const answers = new Map<string, EnrollResponse>();
  const issued = new Map<string, number>();

  const authority: Authority = {
    ca: root.pem,
    issued,
    life: undefined,
    now: Date.now,
    async enroll(csr) {
      const { commonName, publicKey } = parseCsr(decodeCsr(csr));
      const before = answers.get(publicKey.keyFingerprint);
      if (before !== undefined) return before;
      const deviceId = parseDeviceId(commonName ?? 'unnamed');
      const certificate = await issueDeviceCertificate({
        issuer,
        profile: parseProfile(defaultProfile),
        device: { id: deviceId, group: parseEntityName('devices'), attributes: {} },
        publicKey,
        now: Date.now(),
        statusUrl: 'http://localhost',
        reservedHostnames: [],
      });
      const answer: EnrollResponse = {
        deviceId,
        serialNumber: certificate.serialNumber,
        certificate: certificate.pem,
        chain: issuing.pem,
        notBefore: new Date(certificate.notBefore).toISOString(),
        notAfter: iso(authority.life ? authority.now() + authority.life.notAfter : certificate.notAfter),
        renewAfter: iso(authority.life ? authority.now() + authority.life.renewAfter : certificate.notAfter),
        mqttUrl,
      };
      answers.set(publicKey.keyFingerprint, answer);
      issued.set(publicKey.keyFingerprint, (issued.get(publicKey.keyFingerprint) ?? 0) + 1);
      return answer;
    },
    async serverCredentials(hostnames) {
      const key = newKey();
      const server = await issueServerCertificate({
        issuer,
        commonName: 'server',
        hostnames,
        publicKey: publicKeyOf(key),
        validity: HOUR_MS,
        now: Date.now(),
      });
      return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: server.pem + issuing.pem };
    },
  };
  return authority;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
