/** `gatehouse-sim run`: one device with a state folder, that lives until it is stopped or refused for good. */
import { type Command, Option } from 'commander';
import type { DeviceId } from '../../core/ids.ts';
import { defaultKeyType, type KeyType, keyTypes } from '../identity/private-key.ts';
import { createOutput } from '../output.ts';
import { parseDuration, parseId, parseKeyType } from './option-parsers.ts';
import { addServerOptions, readCa, type ServerOptions } from './server-options.ts';
import { listenForStop } from './stop-signal.ts';

interface RunOptions extends ServerOptions {
  readonly state: string;
  readonly id?: DeviceId;
  readonly keyType: KeyType;
  readonly interval: number;
  readonly duration?: number;
  readonly json?: boolean;
}

const HELP = `
The state folder is the device: its key, made here and never sent, its request and its
certificate. Kill the simulator at any moment and start it again with the same folder: the
same device goes on. Once it has its certificate, it needs no token any more.

It obeys commands in JSON on devices/ID/commands, and answers on devices/ID/telemetry/answers:
  {"command":"ping"}   {"command":"identify"}   {"command":"set-interval","seconds":1}

Examples:
  $ gatehouse-sim run --token ghe_… --state ./press-7 --id press-7
  $ gatehouse-sim run --state ./press-7 --interval 500ms --duration 1m
  $ gatehouse-sim run --url https://gate.example:8443 --ca root.pem --state ./press-7 --json

Exit code: 0 stopped (Ctrl-C, SIGTERM, --duration), 1 refused for good, 2 misuse.`;

export function runCommand(program: Command): void {
  addServerOptions(program.command('run').description('run one device that enrolls, connects and lives on'))
    .requiredOption('--state <dir>', 'state folder of the device; created where there is none')
    .option('--id <id>', 'device ID to ask for (default: sim- and a part of the key)', parseId)
    .addOption(
      new Option('--key-type <type>', `kind of key to generate: ${keyTypes.join(', ')}`)
        .default(defaultKeyType)
        .argParser(parseKeyType),
    )
    .addOption(
      new Option('--interval <time>', 'time between two readings')
        .default(5000, '5s')
        .argParser(parseDuration),
    )
    .option('--duration <time>', 'stop by itself after this long (default: never)', parseDuration)
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(options: RunOptions, command: Command): Promise<void> {
  const { holdsIdentity, runSingleDevice } = await import('../device/single-device.ts');
  const { token } = options;
  if (token === undefined && !(await holdsIdentity(options.state))) {
    command.error(`error: ${options.state} holds no certificate yet: give an enrollment token with --token`);
  }
  const stop = listenForStop(options.duration);
  try {
    await runSingleDevice(
      { ...options, ca: readCa(options.ca) },
      createOutput(options.json === true),
      stop.signal,
    );
  } finally {
    stop.release();
  }
}
