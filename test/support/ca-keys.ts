/** The CA keys of a data folder, opened with the passphrase that lies beside them. */
import { createFileKeyStore } from '../../enroll/signer/file-key-store.ts';
import type { CaKeyStore } from '../../enroll/signer/key-store.ts';
import { readPassphrase } from '../../enroll/signer/passphrase.ts';
import type { DataLayout } from '../../runtime/layout.ts';

export function keysOf(layout: DataLayout): CaKeyStore {
  return createFileKeyStore({ layout, passphrase: () => readPassphrase(layout, undefined) });
}
