/** The architecture as rules over imports: one way, a pure core, and a broker that cannot sign. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** Each top-level folder and those it may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  registry: ['core'],
  runtime: ['core'],
  enroll: ['core', 'registry', 'runtime'],
  broker: ['core', 'registry', 'runtime'],
  'device-sim': ['core', 'runtime'],
  cli: ['core', 'runtime'],
  // It measures what is built; nothing that is built may lean on it.
  bench: ['core', 'registry', 'runtime', 'device-sim', 'cli'],
};

/** What a pure core may use: no files, no network, no environment, no database. */
const corePackages = ['node:crypto', 'node:buffer', 'node:net', 'node-forge', 'zod'];
const coreFromNodeNet = ['isIP', 'isIPv4', 'isIPv6'];

interface Import {
  readonly file: string;
  readonly target: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g);
  return [...specifiers].map(([, specifier = '']) => ({
    file,
    target: specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : specifier,
  }));
}

const isOwn = (target: string) =>
  target.includes('/') && Object.hasOwn(mayImport, target.split('/')[0] ?? '');
const show = ({ file, target }: Import) => `${file} → ${target}`;

describe.each(Object.entries(mayImport))('%s', (folder, others) => {
  const imports = sourceFiles(folder).flatMap(importsOf);

  it('is not empty, so that these rules speak of something', () => {
    expect(imports.length).toBeGreaterThan(0);
  });

  it(`imports only ${['itself', ...others].join(', ')}`, () => {
    const allowed = [folder, ...others];
    const wrong = imports.filter(
      ({ target }) => isOwn(target) && !allowed.includes(target.split('/')[0] ?? ''),
    );
    expect(wrong.map(show)).toEqual([]);
  });
});

describe('core', () => {
  it('uses no package that does input or output', () => {
    const wrong = sourceFiles('core')
      .flatMap(importsOf)
      .filter(
        ({ target }) => !isOwn(target) && !corePackages.includes(target) && !target.startsWith('node-forge/'),
      );
    expect(wrong.map(show)).toEqual([]);
  });

  it('takes from node:net nothing but the syntax of addresses', () => {
    for (const file of sourceFiles('core')) {
      const names =
        /import \{([^}]*)\} from 'node:net'/.exec(readFileSync(join(root, file), 'utf8'))?.[1] ?? '';
      const taken = names
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean);
      expect(taken.filter((name) => !coreFromNodeNet.includes(name))).toEqual([]);
    }
  });

  it('reads no clock, no environment and starts no timer of its own', () => {
    const impure = /\bDate\.now\(|\bnew Date\(\)|\bprocess\.|\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(/;
    const wrong = sourceFiles('core').filter((file) => impure.test(readFileSync(join(root, file), 'utf8')));
    expect(wrong).toEqual([]);
  });
});

describe('the broker', () => {
  const imports = sourceFiles('broker').flatMap(importsOf);

  it('has nothing that signs or that opens a CA key', () => {
    const signing = /core\/pki\/(issue|signer|encrypted-key|crl|ocsp)/;
    expect(imports.filter(({ target }) => signing.test(target)).map(show)).toEqual([]);
  });

  // What is stored knows nothing of who stores it, and whether somebody stands nothing of who asks.
  it.each(['persistence', 'admission'])('has %s on the ground: it imports no other room', (room) => {
    const own = sourceFiles(`broker/${room}`).flatMap(importsOf);
    expect(own.length).toBeGreaterThan(0);
    const isOtherRoom = (target: string) =>
      /^broker\/[^/]+\//.test(target) && !target.startsWith(`broker/${room}/`);
    expect(own.filter(({ target }) => isOtherRoom(target)).map(show)).toEqual([]);
  });

  it('opens the registry for reading only', () => {
    const texts = sourceFiles('broker').map((file) => readFileSync(join(root, file), 'utf8'));
    expect(texts.filter((text) => /\bopenRegistry\b/.test(text))).toEqual([]);
    expect(texts.filter((text) => /\bopenRegistryView\b/.test(text)).length).toBeGreaterThan(0);
  });
});
