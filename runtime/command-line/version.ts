/** The version of this package. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const manifest = z.object({ version: z.string() });

/** From the nearest package.json above this file, which lies deeper in the build than in the source. */
export function packageVersion(): string {
  let file = new URL('package.json', import.meta.url);
  while (!existsSync(file) && file.pathname !== '/package.json') file = new URL('../package.json', file);
  return manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
