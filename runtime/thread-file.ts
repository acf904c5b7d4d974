/** Where the code of a thread is: beside the file that starts it. */
import { fileURLToPath } from 'node:url';

/**
 * Where sources run by way of something that translates them, as in tests, a thread of plain Node could not read them:
 * there it is the file of the build.
 *
 * @param name without what follows the dot
 * @param startedBy `import.meta.url` of the file beside it
 */
export function threadFile(name: string, startedBy: string): URL {
  const source = new URL(`./${name}.ts`, startedBy);
  if (!startedBy.endsWith('.ts')) return new URL(`./${name}.js`, startedBy);
  if ('typescript' in process.features && process.features.typescript !== false) return source;
  const root = new URL('../', import.meta.url);
  const path = fileURLToPath(source).slice(fileURLToPath(root).length);
  return new URL(`dist/${path.replace(/\.ts$/, '.js')}`, root);
}
