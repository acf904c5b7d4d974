/** Where the passphrase of the CA keys comes from: a file the operator named, or the one beside the keys. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GatehouseError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import type { DataLayout } from '../../runtime/layout.ts';

/** One line; the newline that editors add is not part of it. @throws GatehouseError `passphrase_missing` */
export async function readPassphrase(
  layout: DataLayout,
  passphraseFile: string | undefined,
): Promise<string> {
  const path = passphraseFile ?? layout.ca.passphrase;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new GatehouseError('passphrase_missing', `${path} cannot be read`, { cause: error });
  }
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase === '') throw new GatehouseError('passphrase_missing', `${path} is empty`);
  return passphrase;
}

/** 256 random bits in DATA/ca: whoever copies the folder has key and passphrase both, which init says aloud. */
export async function generatePassphrase(layout: DataLayout): Promise<string> {
  const passphrase = randomBytes(32).toString('base64url');
  await writeFileAtomic(layout.ca.passphrase, `${passphrase}\n`);
  return passphrase;
}
