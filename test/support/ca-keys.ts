/** The CA keys of a data folder that a test has made. */
import type { GuessCost } from '../../core/pki/encrypted-key.ts';
import { createFileKeyStore } from '../../enroll/signer/file-key-store.ts';
import type { CaKeyStore } from '../../enroll/signer/key-store.ts';
import { openKeyStore } from '../../enroll/signer/open-key-store.ts';
import { readPassphrase } from '../../enroll/signer/passphrase.ts';
import type { DataLayout } from '../../runtime/layout.ts';
import type { Settings } from '../../runtime/settings.ts';

/** Nobody is to guess at these: what a guess costs is paid by every test that makes a CA, and tried by tests of its own. */
const CHEAP: GuessCost = { cost: 2 ** 4, blockSize: 8, parallelization: 1 };

/** `openKeyStore`, whose keys in files cost nothing to open. */
export function openCheapKeys(layout: DataLayout, settings: Settings): CaKeyStore {
  if (settings.signer !== 'file') return openKeyStore(layout, settings);
  const passphrase = () => readPassphrase(layout, settings.passphraseFile);
  return createFileKeyStore({ layout, passphrase, guessCost: CHEAP });
}

/** With the passphrase that lies beside them. */
export function keysOf(layout: DataLayout): CaKeyStore {
  return createFileKeyStore({
    layout,
    passphrase: () => readPassphrase(layout, undefined),
    guessCost: CHEAP,
  });
}
