/** How a database file is created: its owner's alone, unless its folder is shared with a group. */
import { statSync } from 'node:fs';

/**
 * A group that may read the folder may read the file, so that enroll and broker can be two users who each read
 * what the other writes. SQLite gives its side files the mode of the database.
 */
export function fileModeIn(folder: string): number {
  return 0o600 | (statSync(folder).mode & 0o040);
}
