/**
 * `gatehouse init`: a new data folder with its CA, its registry, the certificates of its listeners and its
 * first admin. A marker stands while it is at work; what an interrupted run left is thrown away by the next,
 * and a finished Gatehouse is never overwritten.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stringify } from 'yaml';
import type { Clock } from '../core/clock.ts';
import { GatehouseError } from '../core/errors.ts';
import { type Fingerprint, parseEntityName } from '../core/ids.ts';
import { parseCaCertificate } from '../core/pki/certificate.ts';
import { buildCrl } from '../core/pki/crl.ts';
import { encryptPrivateKey } from '../core/pki/encrypted-key.ts';
import {
  type IssuedCertificate,
  type Issuer,
  issueIssuingCertificate,
  issueRootCertificate,
} from '../core/pki/issue.ts';
import { defaultProfile } from '../core/pki/profile.ts';
import { publicKeyOf } from '../core/pki/public-key.ts';
import { createKeySigner } from '../core/pki/signer.ts';
import { defaultPolicies } from '../core/policy/policy.ts';
import type { Registry } from '../registry/port.ts';
import { openRegistry } from '../registry/sqlite/open.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { type DataLayout, dataLayout } from '../runtime/layout.ts';
import type { Settings } from '../runtime/settings.ts';
import {
  beginSetup,
  type DataFolderState,
  discardUnfinished,
  endSetup,
  lockDataFolder,
  refuseDamaged,
  stateOf,
} from './data-folder.ts';
import { ensureServerCertificate } from './server-certificates.ts';
import { generatePassphrase, readPassphrase } from './signer/passphrase.ts';
import { configuredStatusUrl } from './status-url.ts';
import { putGroup, putPolicy, putProfile } from './use-cases/apply-documents.ts';
import { createOperator } from './use-cases/manage-operators.ts';

const YEAR = 365 * 86_400_000;
const ROOT_VALIDITY = 20 * YEAR;
const ISSUING_VALIDITY = 5 * YEAR;

export interface Initialized {
  readonly data: string;
  /** SHA-256 over the root certificate, for pinning. */
  readonly rootFingerprint: Fingerprint;
  readonly caFile: string;
  readonly adminTokenFile: string;
  /** Where a passphrase was generated because none was given: the loud word. */
  readonly generatedPassphraseFile: string | null;
}

/** @throws GatehouseError `data_exists`, `data_damaged`, `data_in_use`, `passphrase_missing` */
export async function initialize(
  settings: Settings,
  clock: Clock,
  keepHostname: boolean,
): Promise<Initialized> {
  const layout = dataLayout(settings.data);
  refuseExisting(layout, settings);
  const release = await lockDataFolder(layout);
  try {
    // Asked again: another init may have ended between the first look and the lock.
    const state = refuseExisting(layout, settings);
    if (state.kind === 'unfinished') await discardUnfinished(layout, [settings.passphraseFile ?? []].flat());
    await beginSetup(layout);
    const root = await create(settings, layout, clock);
    if (keepHostname) await keepHostnames(layout, settings);
    await endSetup(layout);
    return {
      data: settings.data,
      rootFingerprint: root.certificate.fingerprint,
      caFile: layout.rootCertificate,
      adminTokenFile: layout.operator.token,
      generatedPassphraseFile: settings.passphraseFile === undefined ? layout.ca.passphrase : null,
    };
  } finally {
    release();
  }
}

function refuseExisting(layout: DataLayout, { data }: Settings): DataFolderState {
  const state = stateOf(layout);
  if (state.kind === 'complete') throw new GatehouseError('data_exists', `${data} holds a Gatehouse`);
  refuseDamaged(state);
  return state;
}

async function create(settings: Settings, layout: DataLayout, clock: Clock): Promise<Issuer> {
  const passphrase =
    settings.passphraseFile === undefined
      ? await generatePassphrase(layout)
      : await readPassphrase(layout, settings.passphraseFile);
  const now = clock.now();
  const statusUrl = configuredStatusUrl(settings);
  const root = await createRoot(layout, passphrase, now);
  const issuing = await createIssuing(layout, passphrase, root, now, statusUrl);

  const registry = await openRegistry({ file: layout.registry.database, clock });
  try {
    await fillRegistry(registry, root, issuing, now);
    const certificates = {
      registry,
      issuer: issuing,
      clock,
      hostnames: settings.hostname,
      ...(statusUrl === undefined ? {} : { statusUrl }),
    };
    await ensureServerCertificate(certificates, 'enroll', layout.tls.enroll);
    await ensureServerCertificate(certificates, 'broker', layout.tls.broker);
    const admin = await createOperator({ registry, clock }, 'system', parseEntityName('admin'), 'admin');
    await writeFileAtomic(layout.operator.token, `${admin.token}\n`);
  } finally {
    await registry.close();
  }
  return root;
}

async function createRoot(layout: DataLayout, passphrase: string, now: number): Promise<Issuer> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const certificate = await issueRootCertificate({
    commonName: 'Gatehouse Root CA',
    key: privateKey,
    validity: ROOT_VALIDITY,
    now,
  });
  await writeFileAtomic(layout.ca.rootKey, encryptPrivateKey(privateKey, passphrase));
  await writeFileAtomic(layout.rootCertificate, certificate.pem, 0o644);
  return issuerOf(certificate, privateKey);
}

async function createIssuing(
  layout: DataLayout,
  passphrase: string,
  root: Issuer,
  now: number,
  statusUrl: string | undefined,
): Promise<Issuer> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = await issueIssuingCertificate({
    root,
    commonName: 'Gatehouse Issuing CA',
    publicKey: publicKeyOf(createPublicKey(privateKey)),
    validity: ISSUING_VALIDITY,
    now,
    ...(statusUrl === undefined ? {} : { statusUrl }),
  });
  await writeFileAtomic(
    layout.ca.issuingKey(certificate.fingerprint),
    encryptPrivateKey(privateKey, passphrase),
  );
  return issuerOf(certificate, privateKey);
}

function issuerOf(certificate: IssuedCertificate, key: KeyObject): Issuer {
  return { certificate: parseCaCertificate(certificate.der), signer: createKeySigner(key) };
}

async function fillRegistry(registry: Registry, root: Issuer, issuing: Issuer, now: number): Promise<void> {
  // The root signs its CRL now, for as long as the issuing CA lives: its key may leave the machine after this.
  const rootCrl = {
    issuer: root.certificate.fingerprint,
    number: 1n,
    thisUpdate: now,
    nextUpdate: issuing.certificate.notAfter,
  };
  const der = await buildCrl({ ...rootCrl, issuer: root, revoked: [] });
  await registry.write('system', async (transaction) => {
    for (const [kind, { certificate }] of [['root', root] as const, ['issuing', issuing] as const]) {
      const { fingerprint, serialNumber, subject, notBefore, notAfter } = certificate;
      await transaction.insertIssuer({
        fingerprint,
        kind,
        status: 'active',
        serialNumber,
        subject,
        notBefore,
        notAfter,
        der: certificate.der,
      });
      await transaction.append({
        action: 'issuer.added',
        subject: fingerprint,
        data: { subject, serialNumber },
      });
    }
    await transaction.putCrl({ ...rootCrl, der });
    await transaction.append({ action: 'crl.issued', subject: rootCrl.issuer, data: { number: '1' } });
    for (const policy of defaultPolicies) await putPolicy(transaction, policy, now);
    const profile = await putProfile(transaction, defaultProfile, now);
    for (const group of defaultGroups) {
      const [name, policy] = [parseEntityName(group.name), parseEntityName(group.policy)];
      await putGroup(transaction, {
        name,
        policy,
        profile,
        description: group.description,
        renewalGrace: 0,
        approval: 'none',
      });
    }
  });
}

const defaultGroups = [
  { name: 'devices', policy: 'device', description: 'devices, each with its own topics' },
  { name: 'services', policy: 'telemetry-reader', description: 'back-end services that read telemetry' },
];

/** So that a later start, and a renewal of the server certificates, use the names this init was given. */
async function keepHostnames(layout: DataLayout, settings: Settings): Promise<void> {
  if (existsSync(layout.settings)) return;
  await writeFileAtomic(layout.settings, stringify({ hostname: settings.hostname }), 0o644);
}
