/**
 * A token of SoftHSM in a folder of its own, and what tests do to it. Each test file has its own SOFTHSM2_CONF; it
 * reaches the module in child processes only, since jest's `process.env` is a copy.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const LABEL = 'gatehouse';
const PLACES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];
export const modulePath = PLACES.find(existsSync) ?? 'libsofthsm2.so';

/** What test/signer/child/token-objects.mjs tells of a key. */
export interface TokenObject {
  readonly class: 'private' | 'public';
  readonly id: string;
  readonly label: string;
  /** ECParameters, in hex. */
  readonly curve: string;
  readonly [attribute: string]: unknown;
}

export interface SoftToken {
  readonly pin: string;
  readonly pinFile: string;
  /** What makes Gatehouse use it. */
  readonly flags: readonly string[];
  objects(): TokenObject[];
  destroy(id: string): void;
  generate(id: string, label: string): void;
  /** Imports a private key in PKCS #8. */
  import(file: string, id: string, label: string): void;
  unplug(): void;
  plugIn(): void;
}

/** Sets SOFTHSM2_CONF for the children of this test file. */
export function createSoftToken(folder: string, pin = '7391-Kranich'): SoftToken {
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  const configuration = join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  const pinFile = join(folder, 'pin');
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });

  const softhsm = (...args: string[]) =>
    execFileSync('softhsm2-util', args, { env: { ...process.env }, stdio: 'pipe' });
  softhsm('--init-token', '--free', '--label', LABEL, '--so-pin', 'so-4711', '--pin', pin);
  const inspect = (...args: string[]) =>
    execFileSync(
      process.execPath,
      [join(import.meta.dirname, 'child/token-objects.mjs'), modulePath, LABEL, pin, ...args],
      { env: { ...process.env }, encoding: 'utf8' },
    );

  return {
    pin,
    pinFile,
    flags: flagsFor({ pinFile }),
    objects: () => JSON.parse(inspect('list')) as TokenObject[],
    destroy: (id) => void inspect('destroy', id),
    generate: (id, label) => void inspect('generate', id, label),
    import: (file, id, label) =>
      void softhsm('--import', file, '--token', LABEL, '--pin', pin, '--id', id, '--label', label),
    unplug: () => renameSync(tokens, `${tokens}-unplugged`),
    plugIn: () => renameSync(`${tokens}-unplugged`, tokens),
  };
}

export function flagsFor({
  module = modulePath,
  label = LABEL,
  pinFile,
}: {
  readonly module?: string;
  readonly label?: string;
  readonly pinFile: string;
}): string[] {
  return [
    '--signer',
    'pkcs11',
    '--pkcs11-module',
    module,
    '--pkcs11-token',
    label,
    '--pkcs11-pin-file',
    pinFile,
  ];
}
