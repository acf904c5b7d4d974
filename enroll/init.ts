/**
 * `gatehouse init`: a new data folder with its CA, its registry, the certificates of its listeners and its
 * first admin. A marker stands while it is at work; what an interrupted run left is thrown away by the next,
 * and a finished Gatehouse is never overwritten.
 */
import type { Clock } from '../core/clock.ts';
import { GatehouseError } from '../core/errors.ts';
import { type Fingerprint, parseEntityName } from '../core/ids.ts';
import type { Issuer } from '../core/pki/issue.ts';
import { defaultProfile } from '../core/pki/profile.ts';
import { defaultPolicies } from '../core/policy/policy.ts';
import type { Registry } from '../registry/port/registry.ts';
import { openRegistry } from '../registry/sqlite/open.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { type DataLayout, dataLayout } from '../runtime/layout.ts';
import type { Settings } from '../runtime/settings.ts';
import { recordCrl } from './crl/record-crl.ts';
import {
  beginSetup,
  type DataFolderState,
  discardUnfinished,
  endSetup,
  lockDataFolder,
  refuseDamaged,
  stateOf,
} from './data-folder.ts';
import { keepSettings } from './kept-settings.ts';
import { signRootCrl } from './rollover/root-crl.ts';
import { ensureServerCertificate } from './server-certificates.ts';
import { createIssuing, createRoot } from './signer/create-ca.ts';
import type { CaKeyStore } from './signer/key-store.ts';
import { openKeyStore } from './signer/open-key-store.ts';
import { generatePassphrase } from './signer/passphrase.ts';
import { configuredStatusUrl } from './status-url.ts';
import { putGroup, putPolicy, putProfile } from './use-cases/operating/apply-documents.ts';
import { createOperator } from './use-cases/operating/manage-operators.ts';

export interface Initialized {
  readonly data: string;
  /** SHA-256 over the root certificate, for pinning. */
  readonly rootFingerprint: Fingerprint;
  readonly caFile: string;
  readonly adminTokenFile: string;
  /** Where a passphrase was generated because none was given: the loud word. */
  readonly generatedPassphraseFile: string | null;
}

/**
 * @param openKeys where the CA keys go, from the layout and the settings
 * @throws GatehouseError `data_exists`, `data_damaged`, `data_in_use`, `setting_invalid`, `passphrase_missing`, `pkcs11_…`
 */
export async function initialize(
  settings: Settings,
  clock: Clock,
  keepHostname: boolean,
  openKeys = openKeyStore,
): Promise<Initialized> {
  const layout = dataLayout(settings.data);
  refuseExisting(layout, settings);
  const keys = openKeys(layout, settings);
  const release = await lockDataFolder(layout);
  try {
    // Asked again: another init may have ended between the first look and the lock.
    const state = refuseExisting(layout, settings);
    const operators = [settings.passphraseFile ?? [], settings.pkcs11PinFile ?? []].flat();
    if (state.kind === 'unfinished') await discardUnfinished(layout, operators);
    await beginSetup(layout);
    const generates = settings.signer === 'file' && settings.passphraseFile === undefined;
    if (generates) await generatePassphrase(layout);
    const root = await create(settings, layout, clock, keys).finally(() => keys.close());
    await keepSettings(layout, settings, keepHostname);
    await endSetup(layout);
    return {
      data: settings.data,
      rootFingerprint: root.certificate.fingerprint,
      caFile: layout.rootCertificate,
      adminTokenFile: layout.operator.token,
      generatedPassphraseFile: generates ? layout.ca.passphrase : null,
    };
  } finally {
    release();
  }
}

function refuseExisting(layout: DataLayout, { data, signer }: Settings): DataFolderState {
  const state = stateOf(layout, signer);
  if (state.kind === 'complete') throw new GatehouseError('data_exists', `${data} holds a Gatehouse`);
  refuseDamaged(state);
  return state;
}

async function create(
  settings: Settings,
  layout: DataLayout,
  clock: Clock,
  keys: CaKeyStore,
): Promise<Issuer> {
  const now = clock.now();
  const statusUrl = configuredStatusUrl(settings);
  const root = await createRoot({ keys, now });
  const issuing = await createIssuing({ keys, root, now, statusUrl });
  await writeFileAtomic(layout.rootCertificate, root.certificate.pem, 0o644);

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

async function fillRegistry(registry: Registry, root: Issuer, issuing: Issuer, now: number): Promise<void> {
  // The root signs its CRL now, for as long as the issuing CA lives: its key may leave the machine after this.
  const until = issuing.certificate.notAfter;
  const rootCrl = await signRootCrl(registry, { root, now, until });
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
    await recordCrl(transaction, rootCrl);
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
