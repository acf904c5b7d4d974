/** `gatehouse-sim run`: one device with a state folder, that lives until it is stopped or refused for good. */
import { type Command, Option } from 'commander';
import type { DeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { defaultKeyType, type KeyType, keyTypes } from '../identity/private-key.ts';
import type { RenewalKey } from '../identity/renew-identity.ts';
import { parseId, parseKeyType, parseSpan } from './option-parsers.ts';
import { renewKeyOption } from './renew-key-option.ts';
import { addServerOptions, readCa, type ServerOptions } from './server-options.ts';
import { untilStopped } from './until-stopped.ts';

interface RunOptions extends ServerOptions {
  readonly state: string;
  readonly id?: DeviceId;
  readonly keyType: KeyType;
  readonly renewKey: RenewalKey;
  readonly interval: number;
  readonly duration?: number;
  readonly json?: boolean;
}

const HELP = `
The state folder is the device: its key, made here and never sent, its request and its
certificate. Kill the simulator at any moment and start it again with the same folder: the
same device goes on. Once it has its certificate, it needs no token any more.

It renews that certificate in time, with a new key, and goes on without losing a message. A device
that was away renews before it connects; one whose certificate has expired is refused for good,
unless its group grants a grace. The CA certificates it trusts begin with those of --ca and follow
Gatehouse from then on, in trust.pem of the state folder: remove that file to begin with --ca anew.

It obeys commands in JSON on devices/ID/commands, and answers on devices/ID/telemetry/answers:
  {"command":"ping"}   {"command":"identify"}   {"command":"set-interval","seconds":1}

Where the broker does not admit it, it knocks again after ever longer waits, up to five minutes:
a suspended device comes back by itself once an operator resumes it.

Examples:
  $ gatehouse-sim run --token ghe_… --state ./press-7 --id press-7
  $ gatehouse-sim run --state ./press-7 --interval 500ms --duration 1m
  $ gatehouse-sim run --url https://gate.example:8443 --ca root.pem --state ./press-7 --json

Exit code: 0 stopped (Ctrl-C, SIGTERM, --duration), 1 refused for good, 2 misuse.`;

export function runCommand(program: Command, io: CommandIo): void {
  addServerOptions(program.command('run').description('Runs one device that enrolls, connects and lives on.'))
    .requiredOption('--state <dir>', 'state folder of the device; created where there is none')
    .option('--id <id>', 'device ID to ask for (default: sim- and a part of the key)', parseId)
    .addOption(
      new Option('--key-type <type>', `kind of key to generate: ${keyTypes.join(', ')}`)
        .default(defaultKeyType)
        .argParser(parseKeyType),
    )
    .addOption(renewKeyOption())
    .addOption(
      new Option('--interval <time>', 'time between two readings').default(5000, '5s').argParser(parseSpan),
    )
    .option('--duration <time>', 'stop by itself after this long (default: never)', parseSpan)
    .option('--json', 'print events as JSON, one a line')
    .addHelpText('after', HELP)
    .action((options: RunOptions, command: Command) => run(options, command, io));
}

async function run(options: RunOptions, command: Command, io: CommandIo): Promise<void> {
  const { holdsIdentity, runSingleDevice } = await import('../device/single-device.ts');
  const { token, state, duration } = options;
  if (token === undefined && !(await holdsIdentity(state))) {
    command.error(`${state} holds no certificate yet: give an enrollment token with --token`);
  }
  const output = createOutput(io, options.json === true);
  const device = { ...options, ca: () => readCa(options.ca) };
  await untilStopped(io, (signal) => runSingleDevice(device, output, signal), duration);
}
