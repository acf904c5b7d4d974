/** What init writes into gatehouse.yaml, so that a later start finds the CA keys and uses the same names. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import type { DataLayout } from '../runtime/layout.ts';
import type { SettingName, Settings } from '../runtime/settings.ts';

type Kept = Partial<Record<SettingName, unknown>>;

/**
 * What an operator wrote there stays as it is, but for where the keys are: that is a fact now.
 * @param keepHostname whether the names were chosen for good
 */
export async function keepSettings(
  layout: DataLayout,
  settings: Settings,
  keepHostname: boolean,
): Promise<void> {
  const before = await readFile(layout.settings, 'utf8').catch(() => undefined);
  const kept: Kept = {
    ...(keepHostname && before === undefined ? { hostname: settings.hostname } : {}),
    ...signerOf(settings),
  };
  const document = parseDocument(before ?? '');
  for (const [name, value] of Object.entries(kept)) document.set(name, value);
  const after = Object.keys(kept).length === 0 ? (before ?? '') : document.toString();
  if (after === (before ?? '')) return;
  try {
    await writeFileAtomic(layout.settings, after, 0o644);
  } catch (error) {
    // A container's image is read-only: settings are in its environment then, where they last as long.
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error;
  }
}

/** Paths as they are from everywhere. A module's bare name is looked up by the system's loader. */
function signerOf({ signer, pkcs11Module, pkcs11Token, pkcs11PinFile }: Settings): Kept {
  if (signer === 'file' || pkcs11Module === undefined || pkcs11PinFile === undefined) return {};
  const module = pkcs11Module.includes('/') ? resolve(pkcs11Module) : pkcs11Module;
  return { signer, pkcs11Module: module, pkcs11Token, pkcs11PinFile: resolve(pkcs11PinFile) };
}
