/** `gatehouse up`: its options, and the signals that end it. */
import { dirname, relative } from 'node:path';
import type { Command } from 'commander';
import { environmentVariableOf, settingNames } from '../../runtime/settings.ts';
import { addSettingsOptions } from '../../runtime/settings-options.ts';
import type { CommandIo } from '../io.ts';
import { addExamples } from '../operator-command.ts';
import { Output } from '../output.ts';
import type { CommandNames } from './announcement.ts';

export function upCommand(program: Command, io: CommandIo): void {
  const up = program
    .command('up')
    .summary('run a whole Gatehouse on this machine')
    .description(
      'Runs a whole Gatehouse on this machine: creates the data folder where there is none, starts the enroll and broker roles as two processes, creates a first enrollment token, and says what to try next. Ctrl-C ends it.',
    )
    .option('--json', 'print one line of JSON once everything answers');
  addSettingsOptions(up, settingNames);
  addExamples(up, ['gatehouse up', 'gatehouse up --data ./try --enroll-port 0 --mqtt-port 0 --json']);
  up.action(async (flags: Readonly<Record<string, unknown>>) => {
    const { runUp } = await import('./supervisor.ts');
    const { renderAnnouncement, renderPassphraseWarning } = await import('./announcement.ts');
    const output = new Output(io, flags.json === true);
    const data = flags.data ?? io.environment[environmentVariableOf('data')];
    await runUp({
      flags,
      io,
      ...endSignals(io),
      announce(announcement, remarks) {
        const { generatedPassphraseFile } = remarks;
        if (generatedPassphraseFile !== null) output.note(renderPassphraseWarning(generatedPassphraseFile));
        output.result(announcement, () =>
          renderAnnouncement(
            announcement,
            remarks,
            commandNames(io),
            data === undefined ? data : String(data),
          ),
        );
      },
    });
  });
}

function commandNames({ executable }: CommandIo): CommandNames {
  if (!executable.endsWith('.js')) return { gatehouse: 'gatehouse', simulator: 'gatehouse-sim' };
  const folder = relative(process.cwd(), dirname(executable)) || '.';
  return { gatehouse: `node ${folder}/gatehouse.js`, simulator: `node ${folder}/gatehouse-sim.js` };
}

/** The first signal asks for the end, the second does not wait for it. */
function endSignals(io: CommandIo): { readonly signal: AbortSignal; readonly force: AbortSignal } {
  const [end, force] = [new AbortController(), new AbortController()];
  io.onEndSignal(() => (end.signal.aborted ? force : end).abort());
  return { signal: end.signal, force: force.signal };
}
