/** Attacks with certificates that Gatehouse did not issue. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type DeviceId, parseEntityName } from '../../../core/ids.ts';
import { parseCaCertificate } from '../../../core/pki/certificate.ts';
import { decryptPrivateKey } from '../../../core/pki/encrypted-key.ts';
import {
  type Issuer,
  issueDeviceCertificate,
  issueIssuingCertificate,
  issueRootCertificate,
} from '../../../core/pki/issue.ts';
import { decodePem } from '../../../core/pki/pem.ts';
import { defaultProfile, parseProfile } from '../../../core/pki/profile.ts';
import { publicKeyOf } from '../../../core/pki/public-key.ts';
import { createKeySigner, signingKeyOf } from '../../../core/pki/signer.ts';
import { dataLayout } from '../../../runtime/layout.ts';
import type { Credentials } from '../../contract/tls-identity.ts';
import { privateKeyPem } from '../../identity/private-key.ts';
import { admission } from '../outcome.ts';
import type { Stage } from '../stage.ts';
import type { Attack, AttackContext } from './attack.ts';

const YEAR_MS = 365 * 86_400_000;

export const certificateAttacks: readonly Attack[] = [
  {
    what: "a device's own certificate, to compare",
    expected: 'admitted',
    attempt: ({ stage, victim }) => admission(stage, () => stage.connect(victim)),
  },
  {
    what: 'no certificate',
    expected: 'certificate_missing',
    attempt: ({ stage, victim }) => admission(stage, () => stage.open({ clientId: victim.deviceId })),
  },
  {
    what: "self-signed, with a device's CN",
    expected: 'certificate_untrusted',
    attempt: (context) => connectWith(context, selfSigned(context.victim.deviceId)),
  },
  {
    what: "another CA's certificate with that CN",
    expected: 'certificate_untrusted',
    attempt: async (context) => {
      const foreign = await foreignAuthority('Another Root CA', 'Another Issuing CA');
      return connectWith(context, issue(foreign, context.victim.deviceId));
    },
  },
  {
    what: "the same from a CA that bears this CA's name",
    expected: 'certificate_untrusted',
    attempt: async (context) => {
      const [root, issuing] = await authorityNames(context.stage);
      return connectWith(context, issue(await foreignAuthority(root, issuing), context.victim.deviceId));
    },
  },
  {
    what: 'signed by the real key, not in the registry',
    expected: 'certificate_unknown',
    attempt: async (context) =>
      connectWith(context, issue(await stolenAuthority(context.stage), context.victim.deviceId)),
  },
];

async function connectWith({ stage, victim }: AttackContext, making: Promise<Credentials>): Promise<string> {
  const credentials = await making;
  return admission(stage, () => stage.open({ credentials, clientId: victim.deviceId }));
}

async function selfSigned(id: DeviceId): Promise<Credentials> {
  const key = newKey();
  const { pem } = await issueRootCertificate({
    commonName: id,
    key: signingKeyOf(key),
    validity: YEAR_MS,
    now: Date.now(),
  });
  return { key: privateKeyPem(key), chain: pem };
}

/** A certificate in every way like a real one, save for who signed it. */
async function issue(issuer: Issuer, deviceId: DeviceId): Promise<Credentials> {
  const key = newKey();
  const { pem } = await issueDeviceCertificate({
    issuer,
    profile: parseProfile(defaultProfile),
    device: { id: deviceId, group: parseEntityName('devices'), attributes: {} },
    publicKey: publicKeyOf(key),
    now: Date.now(),
    statusUrl: 'http://localhost',
    reservedHostnames: [],
  });
  return { key: privateKeyPem(key), chain: pem + issuer.certificate.pem };
}

async function foreignAuthority(rootName: string, issuingName: string): Promise<Issuer> {
  const now = Date.now();
  const rootKey = newKey();
  const root = await issueRootCertificate({
    commonName: rootName,
    key: signingKeyOf(rootKey),
    validity: YEAR_MS,
    now,
  });
  const key = newKey();
  const issuing = await issueIssuingCertificate({
    root: { certificate: parseCaCertificate(root.der), signer: createKeySigner(rootKey) },
    commonName: issuingName,
    publicKey: publicKeyOf(key),
    validity: YEAR_MS,
    now,
  });
  return { certificate: parseCaCertificate(issuing.der), signer: createKeySigner(key) };
}

/** The CNs of the real root and issuing CA. */
async function authorityNames({ operator }: Stage): Promise<[string, string]> {
  const issuers = await operator.issuers();
  const nameOf = (kind: 'root' | 'issuing') =>
    issuers.find((issuer) => issuer.kind === kind)?.subject.replace(/^.*CN=/, '') ?? '';
  return [nameOf('root'), nameOf('issuing')];
}

/** The worst case: somebody has the CA's key. What they sign, the registry still does not know. */
async function stolenAuthority({ operator, gatehouse }: Stage): Promise<Issuer> {
  const issuing = (await operator.issuers()).find(({ kind }) => kind === 'issuing');
  if (issuing === undefined) throw new Error('there is no issuing CA');
  const { ca } = dataLayout(gatehouse.data);
  const passphrase = (await readFile(ca.passphrase, 'utf8')).trim();
  const key = decryptPrivateKey(await readFile(ca.issuingKey(issuing.fingerprint), 'utf8'), passphrase);
  return {
    certificate: parseCaCertificate(decodePem('CERTIFICATE', issuing.pem)),
    signer: createKeySigner(key),
  };
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}
