/** What the programs have in common: how their commands are put together, run, and how they end. */
import { Command } from 'commander';
import type { CommandIo, TextStream } from './io.ts';
import { exitCodeOf, lastWordsOf, renderLastWords } from './last-words.ts';
import { packageVersion } from './version.ts';

/** A program without commands. Settings come first: commands take them over when they are added. */
export function createProgram(name: string, { stdout, stderr }: CommandIo): Command {
  return new Command(name)
    .version(packageVersion(), '-v, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // What commander would say comes at the end, in the form of every other failure.
      outputError: () => undefined,
    });
}

/** Where last words go, and in which form. */
export interface Voice {
  readonly stream: TextStream;
  readonly json: boolean;
}

/** Runs the command that was given. @returns the exit code: 0 done, 1 failed, 2 misuse */
export async function runProgram(
  program: Command,
  io: CommandIo,
  voice: Voice = { stream: io.stderr, json: io.arguments.includes('--json') },
): Promise<number> {
  try {
    await program.parseAsync(io.arguments, { from: 'user' });
    return 0;
  } catch (error) {
    for (const words of lastWordsOf(error)) voice.stream.write(renderLastWords(words, voice.json));
    return exitCodeOf(error);
  }
}

/** A section at the end of the help. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('after', ['\nExamples:', ...examples.map((line) => `  $ ${line}`)].join('\n'));
}
