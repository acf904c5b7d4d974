/** Where a device keeps its identity: a port, so that a crash at any write can be tried, and two ways to be it. */
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GatehouseError } from '../../core/errors.ts';
import { syncFolder, writeFileAtomic } from '../../runtime/atomic-file.ts';

/**
 * In the order in which they come to be. `cert.pem` is the last: where it is, everything is.
 * - `key.pem` the private key; - `request.pem` the CSR; - `chain.pem` the device's certificate and those between
 * it and the root, as a TLS client presents them; - `enrollment.json` the rest of the server's answer;
 * - `cert.pem` the device's certificate alone.
 */
export const identityParts = ['key.pem', 'request.pem', 'chain.pem', 'enrollment.json', 'cert.pem'] as const;

export type IdentityPart = (typeof identityParts)[number];

/** The identity that the device has, and beside it the one that a renewal has brought, until it was first used. */
export type Slot = '' | 'next-';

/** `trust.pem`: the CA certificates that the device trusts. */
export type StateFile = `${Slot}${IdentityPart}` | 'trust.pem';

export interface IdentityStorage {
  /** How messages name it. */
  readonly place: string;
  /** Undefined where there is none. */
  read(file: StateFile): Promise<string | undefined>;
  /** All or nothing, and lasting once it resolves. */
  write(file: StateFile, content: string): Promise<void>;
  /** Over what has the other name; all or nothing, and lasting. */
  move(from: StateFile, to: StateFile): Promise<void>;
  /** Lasting; nothing where there is none. */
  remove(file: StateFile): Promise<void>;
}

/** A folder: the keys are readable by its owner alone. */
export function folderStorage(folder: string): IdentityStorage {
  return {
    place: folder,
    async read(file) {
      try {
        return await readFile(join(folder, file), 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new GatehouseError('file_unreadable', `${join(folder, file)} cannot be read`, { cause: error });
      }
    },
    write: (file, content) =>
      writeFileAtomic(join(folder, file), content, file.endsWith('key.pem') ? 0o600 : 0o644),
    async move(from, to) {
      await rename(join(folder, from), join(folder, to));
      await syncFolder(folder);
    },
    async remove(file) {
      await rm(join(folder, file), { force: true });
      await syncFolder(folder);
    },
  };
}

/** For a fleet that leaves nothing behind. */
export function memoryStorage(): IdentityStorage {
  const files = new Map<StateFile, string>();
  return {
    place: 'memory',
    async read(file) {
      return files.get(file);
    },
    async write(file, content) {
      files.set(file, content);
    },
    async move(from, to) {
      const content = files.get(from);
      if (content === undefined) throw new Error(`there is no ${from}`);
      files.set(to, content);
      files.delete(from);
    },
    async remove(file) {
      files.delete(file);
    },
  };
}
