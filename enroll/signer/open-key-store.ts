/** Where the CA keys of this Gatehouse live, as its settings say. */
import { GatehouseError } from '../../core/errors.ts';
import type { DataLayout } from '../../runtime/layout.ts';
import { flagOf, type Settings } from '../../runtime/settings.ts';
import { createFileKeyStore } from './file-key-store.ts';
import type { CaKeyStore } from './key-store.ts';
import { readPassphrase } from './passphrase.ts';
import { createPkcs11KeyStore } from './pkcs11/pkcs11-key-store.ts';
import type { TokenAddress } from './pkcs11/request.ts';

/** Asks nobody for a key yet. @throws GatehouseError `setting_invalid` */
export function openKeyStore(layout: DataLayout, settings: Settings): CaKeyStore {
  const address = tokenAddressOf(settings);
  return address === undefined
    ? createFileKeyStore({ layout, passphrase: () => readPassphrase(layout, settings.passphraseFile) })
    : createPkcs11KeyStore(address);
}

/** Undefined where the keys are in files. @throws GatehouseError `setting_invalid` */
function tokenAddressOf(settings: Settings): TokenAddress | undefined {
  const { signer, pkcs11Module: module, pkcs11Token: label, pkcs11PinFile: pinFile } = settings;
  const names = ['pkcs11Module', 'pkcs11Token', 'pkcs11PinFile'] as const;
  if (signer === 'file') {
    const idle = names.find((name) => settings[name] !== undefined);
    if (idle === undefined) return undefined;
    throw new GatehouseError('setting_invalid', `${flagOf(idle)} is of no use without --signer pkcs11`);
  }
  if (module !== undefined && label !== undefined && pinFile !== undefined) return { module, label, pinFile };
  const missing = names.filter((name) => settings[name] === undefined).map(flagOf);
  throw new GatehouseError('setting_invalid', `--signer pkcs11 needs ${missing.join(' and ')} too`);
}
