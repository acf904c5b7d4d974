/** The version of this package. */
import { existsSync, readFileSync } from 'node:fs';

/** From the nearest package.json above this file, which lies deeper in the build than in the source. */
export function packageVersion(): string {
  let file = new URL('package.json', import.meta.url);
  while (!existsSync(file) && file.pathname !== '/package.json') file = new URL('../package.json', file);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}
