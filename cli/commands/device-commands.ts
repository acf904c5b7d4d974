/**
 * `gatehouse device …`: devices, and what becomes of them. Only what was asked for is loaded: how soon a revocation is on
 * its way is mostly a matter of how many modules there are to read.
 */
import type { Command } from 'commander';
import type { CommandIo } from '../../runtime/command-line/io.ts';

type AddCommand = (device: Command, io: CommandIo) => void;

interface Part {
  readonly names: readonly string[];
  readonly load: () => Promise<readonly AddCommand[]>;
}

/** In the order in which the help lists them. */
const parts: readonly Part[] = [
  {
    names: ['list', 'show'],
    load: async () => {
      const { listCommand, showCommand } = await import('./device.ts');
      return [listCommand, showCommand];
    },
  },
  { names: ['explain'], load: async () => [(await import('./device-explain.ts')).explainCommand] },
  {
    names: ['import', 'create'],
    load: async () => {
      const { createCommand, importCommand } = await import('./device-import.ts');
      return [importCommand, createCommand];
    },
  },
  { names: ['set'], load: async () => [(await import('./device-set.ts')).setCommand] },
  {
    names: ['suspend', 'resume', 'revoke', 'reinstate', 'release'],
    load: async () => [(await import('./device-change.ts')).deviceChangeCommands],
  },
];

/** All of them where none is named: for the help, and to tell somebody who mistyped one. */
export async function deviceCommands(device: Command, io: CommandIo): Promise<void> {
  const asked = parts.filter(({ names }) => names.some((name) => io.arguments.includes(name)));
  for (const { load } of asked.length > 0 ? asked : parts) {
    for (const addCommand of await load()) addCommand(device, io);
  }
}
