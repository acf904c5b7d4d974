/** A file that the operator named and that cannot be read, in words rather than by the name of a system call. */
import { GatehouseError } from '../core/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there: where its folder should be there is a file',
  EISDIR: 'is a folder',
  EACCES: 'is not for this user to read',
};

/** @returns `file_unreadable` @param path `-` for standard input */
export function unreadableFile(path: string, cause: unknown): GatehouseError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const name = path === '-' ? 'standard input' : path;
  return new GatehouseError('file_unreadable', `${name} ${REASONS[code] ?? `cannot be read: ${message}`}`, {
    cause,
  });
}
