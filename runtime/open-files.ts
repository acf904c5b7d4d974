/** How many files, connections included, the process may have open. Node raises the soft limit to the hard one by itself. */
import { readFile } from 'node:fs/promises';

/** Undefined where the system does not tell: only Linux does so in this way. */
export async function maxOpenFiles(file = '/proc/self/limits'): Promise<number | undefined> {
  const limits = await readFile(file, 'utf8').catch(() => '');
  const [, most] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? [];
  if (most === undefined) return undefined;
  return most === 'unlimited' ? Number.POSITIVE_INFINITY : Number(most);
}
