/** The command of this role. */
import type { CommandEntry } from '../runtime/command-line/command-table.ts';

export const brokerCommands: readonly CommandEntry[] = [
  {
    name: 'broker',
    summary: 'Runs the broker role: MQTT over mutual TLS.',
    load: async () => (await import('./command-line.ts')).brokerCommand,
  },
];
