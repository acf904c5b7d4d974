/** How soon an operator's command begins: it loads no schema library, no HTTP client and no role, for a revocation cannot wait. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** What runs before `gatehouse device revoke` has sent its request; the last two are loaded by name. */
const path = [
  'cli/program.ts',
  'enroll/commands.ts',
  'broker/commands.ts',
  'cli/commands/device.ts',
  'cli/operator-client.ts',
];

/** Everything that a file imports statically, for more than its types. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = text.matchAll(/^(?:import|export)(?! type\b)[^;]*? from '([^']+)';/gms);
  return [...specifiers].map(([, specifier = '']) =>
    specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : specifier,
  );
}

function reachedFrom(files: readonly string[]): Set<string> {
  const reached = new Set(files);
  for (const one of reached) {
    if (!one.endsWith('.ts')) continue;
    for (const target of importsOf(one)) reached.add(target);
  }
  return reached;
}

it('loads one package, and nothing of the roles', () => {
  const reached = [...reachedFrom(path)];
  expect(reached.filter((target) => !target.endsWith('.ts') && !target.startsWith('node:'))).toEqual([
    'commander',
  ]);
  expect(reached.filter((target) => /^(enroll|broker)\//.test(target)).toSorted()).toEqual([
    'broker/commands.ts',
    'enroll/commands.ts',
  ]);
  expect(reached).toContain('cli/https-transport.ts');
});
