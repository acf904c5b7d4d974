/** `gatehouse-sim fleet`: many devices at once, a live display, and a report of what was measured. */
import { type Command, Option } from 'commander';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { FailedResult } from '../../runtime/command-line/last-words.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { defaultKeyType, type KeyType, keyTypes } from '../identity/private-key.ts';
import type { RenewalKey } from '../identity/renew-identity.ts';
import { parseDevices, parseKeyType, parsePrefix, parseRate, parseSpan } from './option-parsers.ts';
import { renewKeyOption } from './renew-key-option.ts';
import { addServerOptions, readCa, type ServerOptions } from './server-options.ts';
import { untilStopped } from './until-stopped.ts';

interface FleetFlags extends ServerOptions {
  readonly devices: number;
  readonly rate: number;
  readonly duration: number;
  readonly prefix: string;
  readonly keyType: KeyType;
  readonly renewKey: RenewalKey;
  readonly out?: string;
  readonly json?: boolean;
}

const HELP = `
All devices enroll, then all connect, then together they publish --rate messages a second for
--duration. Latency is the time from publishing a message (QoS 1) to its acknowledgement.

Certificates that fall due are renewed while all goes on: the device connects again with the new
one, and what the fleet publishes meanwhile goes through the others. The report counts renewals and
how long each device was away for its own. A renewal that stays undone, as any message that is
lost, makes the report not ok.

With --out each identity is left as DIR/ID/key.pem, cert.pem and chain.pem (the certificate with
its issuer's, as a client presents it), and a second run with the same --out goes on with them:
nothing is enrolled twice. What is renewed takes its place there, and
DIR/trust.pem holds the CA certificates that the fleet trusts: it wins over --ca.

Examples:
  $ gatehouse token create --max-uses 200
  $ gatehouse-sim fleet --devices 200 --token ghe_… --rate 500 --duration 30s
  $ gatehouse-sim fleet --devices 20 --token ghe_… --out ./fleet --duration 10s
  $ mosquitto_pub -h localhost -p 8883 --cafile data/public/root.pem --cert fleet/sim-0001/chain.pem \\
      --key fleet/sim-0001/key.pem -i sim-0001 -t devices/sim-0001/telemetry -m hello -q 1
  $ gatehouse-sim fleet --devices 1000 --token ghe_… --duration 10m   # of a group with certificates of a minute
  $ gatehouse-sim fleet --devices 50 --token ghe_… --json > report.json

Ctrl-C ends it early, with the report. Exit code: 0 nothing failed, 1 something did, 2 misuse.`;

export function fleetCommand(program: Command, io: CommandIo): void {
  addServerOptions(program.command('fleet').description('Runs many devices and measures them.'))
    .addOption(new Option('--devices <n>', 'how many devices').default(10).argParser(parseDevices))
    .addOption(
      new Option('--rate <n>', 'messages a second, of all devices together').default(10).argParser(parseRate),
    )
    .addOption(
      new Option('--duration <time>', 'how long they publish').default(10_000, '10s').argParser(parseSpan),
    )
    .addOption(
      new Option('--prefix <text>', 'what the device IDs begin with').default('sim-').argParser(parsePrefix),
    )
    .addOption(
      new Option('--key-type <type>', `kind of keys to generate: ${keyTypes.join(', ')}`)
        .default(defaultKeyType)
        .argParser(parseKeyType),
    )
    .addOption(renewKeyOption())
    .option('--out <dir>', 'leave the identities here, and go on with those that are')
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', HELP)
    .action((flags: FleetFlags, command: Command) => fleet(flags, command, io));
}

async function fleet(flags: FleetFlags, command: Command, io: CommandIo): Promise<void> {
  const { token = '', out } = flags;
  if (token === '' && out === undefined) command.error('give an enrollment token with --token');
  const { runFleet } = await import('../fleet/fleet.ts');
  const { renderReport } = await import('../fleet/report.ts');
  const output = createOutput(io, flags.json === true);
  const options = { ...flags, token, ca: () => readCa(flags.ca) };
  const report = await untilStopped(io, (signal) => runFleet(options, output, signal));
  output.say(renderReport(report));
  output.result(report);
  if (!report.ok) throw new FailedResult();
}
