/** Opens a data folder as its one writer, and mends in it what the registry and the CA key can bring back. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';
import type { Registry } from '../registry/port/registry.ts';
import { openRegistry } from '../registry/sqlite/open.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { type DataLayout, dataLayout } from '../runtime/layout.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Closers } from '../runtime/shutdown.ts';
import { lockDataFolder, requireComplete } from './data-folder.ts';
import { type IssuingAuthority, loadIssuingAuthority } from './signer/issuing-authority.ts';
import type { CaKeyStore } from './signer/key-store.ts';
import { trustedRoots } from './signer/lineage.ts';
import { openKeyStore } from './signer/open-key-store.ts';

export interface OpenedData {
  readonly layout: DataLayout;
  readonly registry: Registry;
  readonly keys: CaKeyStore;
  readonly issuing: IssuingAuthority;
}

/**
 * Brings the registry to this version's schema on the way. Whatever is opened is added to `closers`.
 * @param openKeys where the CA keys are, from the layout and the settings
 * @throws GatehouseError `data_missing`, `data_incomplete`, `data_damaged`, `data_in_use`, `registry_schema`,
 * `setting_invalid`, `ca_key_missing`, `issuer_key_mismatch`, `passphrase_…`, `pkcs11_…`
 */
export async function openData(
  settings: Settings,
  clock: Clock,
  closers: Closers,
  openKeys = openKeyStore,
): Promise<OpenedData> {
  const layout = dataLayout(settings.data);
  requireComplete(layout, settings);
  closers.add('data folder', await lockDataFolder(layout));

  const registry = await openRegistry({ file: layout.registry.database, clock });
  closers.add('registry', () => registry.close());

  const keys = openKeys(layout, settings);
  closers.add('CA keys', () => keys.close());
  const issuing = await loadIssuingAuthority(registry, keys);
  await publishTrustAnchors(registry, layout);
  return { layout, registry, keys, issuing };
}

/** The file is for people and devices; the registry has the certificates themselves. */
export async function publishTrustAnchors(registry: Registry, layout: DataLayout): Promise<void> {
  const pem = await trustedRoots(registry);
  const present = await readFile(layout.rootCertificate, 'utf8').catch(() => '');
  if (present !== pem) await writeFileAtomic(layout.rootCertificate, pem, 0o644);
}
