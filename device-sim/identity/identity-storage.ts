/** Where a device keeps its identity: a port, so that a crash at any write can be tried, and two ways to be it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GatehouseError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';

/**
 * In the order in which they come to be. `cert.pem` is the last: where it is, everything is.
 * - `key.pem` the private key; - `request.pem` the CSR; - `chain.pem` the device's certificate and those between
 * it and the root, as a TLS client presents them; - `enrollment.json` the rest of the server's answer;
 * - `cert.pem` the device's certificate alone.
 */
export type IdentityFile = 'key.pem' | 'request.pem' | 'chain.pem' | 'enrollment.json' | 'cert.pem';

export interface IdentityStorage {
  /** How messages name it. */
  readonly place: string;
  /** Undefined where there is none. */
  read(file: IdentityFile): Promise<string | undefined>;
  /** All or nothing, and lasting once it resolves. */
  write(file: IdentityFile, content: string): Promise<void>;
}

/** A folder: the key is readable by its owner alone. */
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
      writeFileAtomic(join(folder, file), content, file === 'key.pem' ? 0o600 : 0o644),
  };
}

/** For a fleet that leaves nothing behind. */
export function memoryStorage(): IdentityStorage {
  const files = new Map<IdentityFile, string>();
  return {
    place: 'memory',
    async read(file) {
      return files.get(file);
    },
    async write(file, content) {
      files.set(file, content);
    },
  };
}
