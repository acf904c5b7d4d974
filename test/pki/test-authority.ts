/** A root and an issuing CA for tests, and one key pair of each accepted kind, made when a test file starts. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type DeviceId, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { type CaCertificate, parseCaCertificate } from '../../core/pki/certificate.ts';
import type { CrlShards } from '../../core/pki/crl-names.ts';
import {
  type IssuedCertificate,
  type Issuer,
  issueDeviceCertificate,
  issueIssuingCertificate,
  issueRootCertificate,
} from '../../core/pki/issue.ts';
import { defaultProfile, type Profile, parseProfile } from '../../core/pki/profile.ts';
import { type KeyKind, publicKeyOf } from '../../core/pki/public-key.ts';
import { createKeySigner, signingKeyOf } from '../../core/pki/signer.ts';
import type { TemplateSubject } from '../../core/template.ts';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface Authority {
  readonly root: Issuer;
  readonly issuing: Issuer;
}

export const SECOND = 1_000;
export const DAY = 86_400 * SECOND;
export const STATUS_URL = 'http://status.test:8080';
export const profile: Profile = parseProfile(defaultProfile);

/** A device of the group `devices`, for the templates of a profile. */
export function deviceNamed(id: string, attributes: Readonly<Record<string, string>> = {}): TemplateSubject {
  return { id: parseDeviceId(id), group: parseEntityName('devices'), attributes };
}

export function generateKeyPair(kind: KeyKind): KeyPair {
  switch (kind) {
    case 'ec-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ec-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}

export function generateKeyPairs(): Readonly<Record<KeyKind, KeyPair>> {
  return {
    'ec-p256': generateKeyPair('ec-p256'),
    'ec-p384': generateKeyPair('ec-p384'),
    ed25519: generateKeyPair('ed25519'),
    rsa: generateKeyPair('rsa'),
  };
}

export interface AuthorityOptions {
  readonly now: number;
  readonly rootKeys?: KeyPair;
  readonly issuingKeys?: KeyPair;
  readonly issuingValidity?: number;
}

export async function createAuthority({
  now,
  rootKeys = generateKeyPair('ec-p384'),
  issuingKeys = generateKeyPair('ec-p256'),
  issuingValidity = 5 * 365 * DAY,
}: AuthorityOptions): Promise<Authority> {
  const rootCertificate = await issueRootCertificate({
    commonName: 'Test Root CA',
    key: signingKeyOf(rootKeys.privateKey),
    validity: 20 * 365 * DAY,
    now,
  });
  const root = issuerOf(rootCertificate, rootKeys.privateKey);
  const issuingCertificate = await issueIssuingCertificate({
    root,
    commonName: 'Test Issuing CA',
    publicKey: publicKeyOf(issuingKeys.publicKey),
    validity: issuingValidity,
    now,
    statusUrl: STATUS_URL,
  });
  return { root, issuing: issuerOf(issuingCertificate, issuingKeys.privateKey) };
}

export function issuerOf(certificate: { readonly der: Uint8Array }, key: KeyObject): Issuer {
  const parsed: CaCertificate = parseCaCertificate(certificate.der);
  return { certificate: parsed, signer: createKeySigner(key) };
}

export interface DeviceOptions {
  readonly issuer: Issuer;
  readonly now: number;
  readonly keys: KeyPair;
  readonly id?: DeviceId;
  readonly crlShards?: CrlShards;
}

export function issueDevice({
  issuer,
  now,
  keys,
  id = parseDeviceId('press-7'),
  crlShards,
}: DeviceOptions): Promise<IssuedCertificate> {
  return issueDeviceCertificate({
    issuer,
    profile,
    device: deviceNamed(id),
    publicKey: publicKeyOf(keys.publicKey),
    now,
    statusUrl: STATUS_URL,
    crlShards,
    reservedHostnames: [],
  });
}
