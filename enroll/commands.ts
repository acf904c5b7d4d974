/** The commands of this role. */
import type { CommandEntry } from '../runtime/command-line/command-table.ts';

export const enrollCommands: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'Creates a data folder: CA, registry, server certificates, first admin.',
    load: async () => (await import('./command-line.ts')).initCommand,
  },
  {
    name: 'migrate',
    summary: 'Brings a data folder up to date.',
    load: async () => (await import('./command-line.ts')).migrateCommand,
  },
  {
    name: 'enroll',
    summary: 'Runs the enroll role: CA, registry, device and operator APIs.',
    load: async () => (await import('./command-line.ts')).enrollCommand,
  },
];
