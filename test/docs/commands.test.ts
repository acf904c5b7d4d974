/** Every command and flag that the documents show is one that the programs know. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runSimulatorCommand } from '../../device-sim/program.ts';
import { gatehouse, type Transcript, transcribe } from '../cli/transcript.ts';

const simulator = (given: readonly string[]) => transcribe(runSimulatorCommand, given);
const root = resolve(import.meta.dirname, '../..');
const documents = [
  'README.md',
  'SECURITY.md',
  'docs/OPERATIONS.md',
  'docs/device-guide.md',
  'docs/relying-parties.md',
  'docs/ARCHITECTURE.md',
];

interface Shown {
  readonly document: string;
  readonly program: (given: readonly string[]) => Promise<Transcript>;
  /** `device revoke` */
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

function commandsIn(document: string): Shown[] {
  const text = readFileSync(resolve(root, document), 'utf8');
  const code = [...text.matchAll(/```[^\n]*\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return [...code, ...inline].flatMap((line) => {
    const [, sim, rest] =
      /(?:^|[ (])(?:node bin\/)?gatehouse(-sim)?(?:\.js)? +([a-z][^#|)]*)/.exec(line) ?? [];
    if (rest === undefined) return [];
    const words = /^[a-z]+(?: [a-z]+)?(?= |$)/.exec(rest)?.[0].split(' ') ?? [];
    const flags = [...rest.matchAll(/(?<= )--[a-z-]+/g)].map(([flag]) => flag);
    return [{ document, program: sim === undefined ? gatehouse : simulator, words, flags }];
  });
}

const shown = documents.flatMap(commandsIn);
const unique = [
  ...new Map(shown.map((one) => [`${one.words.join(' ')} ${one.flags.join(' ')}`, one])).entries(),
];

describe('the documents', () => {
  it('show commands', () => {
    expect(unique.length).toBeGreaterThan(10);
  });

  it.each(unique)('gatehouse %s', async (_name, { document, program, words, flags }) => {
    const { code, stdout } = await program([...words, '--help']);
    expect([document, code]).toEqual([document, 0]);
    expect(stdout).toMatch(new RegExp(`Usage: \\S+ ${words[0]}`));
    for (const flag of flags)
      expect([document, words, stdout]).toEqual([document, words, expect.stringContaining(flag)]);
  });
});
