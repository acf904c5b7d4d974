/** `gatehouse up`: its options, and what it prints. */
import { dirname, relative } from 'node:path';
import type { Command } from 'commander';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { listenForStop } from '../../runtime/command-line/stop-signal.ts';
import { environmentVariableOf, settingNames } from '../../runtime/settings.ts';
import { addSettingsOptions } from '../../runtime/settings-options.ts';
import type { CommandNames } from './announcement.ts';

export function upCommand(up: Command, io: CommandIo): void {
  up.description(
    'Runs a whole Gatehouse on this machine: creates the data folder where there is none, starts the enroll and broker roles as two processes, creates a first enrollment token (with --json or on a terminal, good for an hour), and says what to try next. Ctrl-C ends it.',
  ).option('--json', 'print one line of JSON once everything answers');
  addSettingsOptions(up, settingNames);
  addExamples(up, ['gatehouse up', 'gatehouse up --data ./try --enroll-port 0 --mqtt-port 0 --json']);
  up.action(async (flags: Readonly<Record<string, unknown>>) => {
    const { runUp } = await import('./supervisor.ts');
    const { renderAnnouncement, renderPassphraseWarning } = await import('./announcement.ts');
    const output = createOutput(io, flags.json === true);
    const data = flags.data ?? io.environment[environmentVariableOf('data')];
    const { signal, force, release } = listenForStop(io.onStopRequest);
    try {
      await runUp({
        flags,
        io,
        signal,
        force,
        // Under systemd, standard output is the journal, which keeps what it gets.
        wantsToken: output.json || io.stdout.isTTY === true,
        onGeneratedPassphrase: (file) => output.note(renderPassphraseWarning(file)),
        announce(announcement, tokenFailure) {
          const folder = data === undefined ? undefined : String(data);
          output.result(announcement, () =>
            renderAnnouncement(announcement, tokenFailure, commandNames(io), folder),
          );
        },
      });
    } finally {
      release();
    }
  });
}

function commandNames({ executable }: CommandIo): CommandNames {
  if (!executable.endsWith('.js')) return { gatehouse: 'gatehouse', simulator: 'gatehouse-sim' };
  const folder = relative(process.cwd(), dirname(executable)) || '.';
  return { gatehouse: `node ${folder}/gatehouse.js`, simulator: `node ${folder}/gatehouse-sim.js` };
}
