/** `gatehouse profile …`: how long certificates are valid, and which keys they may have. */
import type { Command } from 'commander';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { documentCommands } from './documents.ts';

export function profileCommands(program: Command, io: CommandIo): void {
  const profile = program
    .command('profile')
    .description('Certificate profiles: how long certificates are valid, and which keys they may have.');
  documentCommands(profile, io, {
    noun: 'profile',
    path: '/profiles',
    titles: ['VALIDITY', 'KEYS'],
    cells: ({ validity, keys }) => [
      typeof validity === 'number' ? `${validity}s` : String(validity),
      Array.isArray(keys) ? keys.join(' ') : 'all',
    ],
  });
}
