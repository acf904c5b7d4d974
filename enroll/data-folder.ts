/**
 * What state a data folder is in, and the lock on it. Opening a registry would create a missing one, and init
 * throws away what another init left, so both are asked here before anything is touched.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GatehouseError } from '../core/errors.ts';
import { isBlankRegistry, openRegistryView } from '../registry/sqlite/open.ts';
import { lockForWriting } from '../registry/sqlite/writer-lock.ts';
import { syncFolder } from '../runtime/atomic-file.ts';
import type { DataLayout } from '../runtime/layout.ts';
import { makeFolder } from '../runtime/make-folder.ts';
import type { Settings } from '../runtime/settings.ts';

export type DataFolderState =
  | { readonly kind: 'absent' }
  /** Left by an init that did not end; nothing has been issued from it. */
  | { readonly kind: 'unfinished' }
  /** A Gatehouse that lacks what only a backup can bring back. */
  | { readonly kind: 'damaged'; readonly missing: readonly string[] }
  | { readonly kind: 'complete' };

/** @param signer where the CA keys are: only those in files are part of the folder */
export function stateOf(layout: DataLayout, signer: Settings['signer']): DataFolderState {
  if (existsSync(layout.ca.unfinished)) return { kind: 'unfinished' };
  const missing = [
    ...(sizeOf(layout.registry.database) > 0 ? [] : [layout.registry.database]),
    ...(signer === 'pkcs11' || holdsIssuingKey(layout.ca.folder)
      ? []
      : [`${layout.ca.issuingKey('…')} (or --signer pkcs11, if the CA keys are in a token)`]),
  ];
  if (missing.length === 0) return { kind: 'complete' };
  // Any trace counts, the trust anchor alone too: whoever copied it away must not be given another CA in silence.
  const traces = [layout.registry.database, layout.rootCertificate].some((path) => sizeOf(path) > 0);
  return traces || holdsIssuingKey(layout.ca.folder) ? { kind: 'damaged', missing } : { kind: 'absent' };
}

/** @throws GatehouseError `data_missing`, `data_incomplete`, `data_damaged` */
export function requireComplete(layout: DataLayout, { data, signer }: Settings): void {
  const state = stateOf(layout, signer);
  if (state.kind === 'absent') throw new GatehouseError('data_missing', `${data} holds no Gatehouse`);
  if (state.kind === 'unfinished')
    throw new GatehouseError('data_incomplete', `${data} was left half-written`);
  refuseDamaged(state);
}

export function refuseDamaged(state: DataFolderState): void {
  if (state.kind === 'damaged')
    throw new GatehouseError('data_damaged', `missing: ${state.missing.join(', ')}`);
}

/** For as long as this process writes here. @throws GatehouseError `data_in_use`, `folder_refused` */
export async function lockDataFolder(layout: DataLayout): Promise<() => void> {
  await makeFolder(layout.registry.folder);
  const release = lockForWriting(layout.registry.writerLock);
  if (release === undefined) {
    throw new GatehouseError('data_in_use', `another process writes to ${layout.registry.folder}`);
  }
  return release;
}

/** Marks the folder as being set up. Whatever interrupts it, the next init finds the mark and begins anew. */
export async function beginSetup(layout: DataLayout): Promise<void> {
  await mkdir(layout.ca.folder, { recursive: true, mode: 0o700 });
  await writeFile(layout.ca.unfinished, '', { mode: 0o600 });
  await syncFolder(layout.ca.folder);
}

/** From here on the folder holds a Gatehouse, even if the power fails in the next moment. */
export async function endSetup(layout: DataLayout): Promise<void> {
  await rm(layout.ca.unfinished);
  await syncFolder(layout.ca.folder);
}

/**
 * Throws away what an interrupted init left. A mark on a registry that has been used since is not believed.
 * @param kept files to spare, such as a passphrase that the operator put there
 * @throws GatehouseError `data_damaged`
 */
export async function discardUnfinished(layout: DataLayout, kept: readonly string[]): Promise<void> {
  if (await hasBeenUsed(layout.registry.database)) {
    throw new GatehouseError(
      'data_damaged',
      `${layout.ca.unfinished} stands beside a registry that is in use`,
    );
  }
  const spared = [layout.ca.unfinished, layout.registry.writerLock, ...kept].map((path) => resolve(path));
  for (const folder of [layout.ca.folder, layout.registry.folder, dirname(layout.operator.token)]) {
    if (!existsSync(folder)) continue;
    // The folders themselves may be mount points: only what is in them goes.
    for (const entry of await readdir(folder)) {
      const path = join(folder, entry);
      if (!spared.includes(resolve(path))) await rm(path, { recursive: true });
    }
  }
  for (const file of [layout.rootCertificate, layout.tls.enroll, layout.tls.broker])
    await rm(file, { force: true });
}

/** All that init does is the system's; whatever somebody else did came after it. */
async function hasBeenUsed(database: string): Promise<boolean> {
  if (sizeOf(database) === 0 || isBlankRegistry(database)) return false;
  const registry = await openRegistryView({ file: database });
  try {
    const rows = await registry.journal(0, 1_000);
    // Where the first rows are in archives, it has been there for a while.
    return rows.some(({ actor }) => actor !== 'system') || (rows[0]?.seq ?? 1) > 1;
  } finally {
    await registry.close();
  }
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function holdsIssuingKey(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => /^issuing-.*\.key\.pem$/.test(name));
}
