/** Commands that are known by their names, and loaded when they are given: most of what a program can do is not asked for. */
import type { Command } from 'commander';
import type { CommandIo } from './io.ts';

export interface CommandEntry {
  readonly name: string;
  /** Its line in the help of the program; its description too, unless it has a longer one. */
  readonly summary: string;
  /** What completes the command, with its options and what it does. */
  readonly load: () => Promise<(command: Command, io: CommandIo) => void | Promise<void>>;
}

/** Whichever is given has its name among the arguments, as has one whose help is asked for. */
export async function addCommands(
  program: Command,
  io: CommandIo,
  entries: readonly CommandEntry[],
): Promise<void> {
  for (const { name, summary, load } of entries) {
    const command = program.command(name).summary(summary).description(summary);
    if (!io.arguments.includes(name)) continue;
    const complete = await load();
    await complete(command, io);
  }
}
