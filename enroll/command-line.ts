/** `init`, `migrate` and `enroll`: their options. What they run is loaded only when they run. */
import type { Command } from 'commander';
import { displayFingerprint } from '../core/ids.ts';
import type { CommandIo } from '../runtime/command-line/io.ts';
import { readSettings, type SettingName } from '../runtime/settings.ts';
import { addSettingsOptions } from '../runtime/settings-options.ts';

const INIT_SETTINGS: readonly SettingName[] = [
  'data',
  'hostname',
  'statusPort',
  'statusUrl',
  'passphraseFile',
  'signer',
  'pkcs11Module',
  'pkcs11Token',
  'pkcs11PinFile',
];
const ENROLL_SETTINGS: readonly SettingName[] = [
  ...INIT_SETTINGS,
  'host',
  'enrollPort',
  'adminHost',
  'adminPort',
  'mqttPort',
  'mqttUrl',
  'crlShards',
  'enrollRate',
  'statusRate',
  'tokenRate',
  'retention',
  'logLevel',
  'logFormat',
];
/** Devices are told of the broker's port; here nothing listens to it, and another machine may do so. */
const ENROLL_IN_USE = ENROLL_SETTINGS.filter((name) => name !== 'mqttPort');

export function initCommand(init: Command, { environment, stdout, stderr }: CommandIo): void {
  const print = (line: string) => stdout.write(`${line}\n`);
  addSettingsOptions(
    init
      .description(
        'Creates a data folder with root CA, issuing CA, registry, server certificates and first admin. Overwrites nothing.',
      )
      .option('--if-new', 'do nothing, and succeed, where the folder holds a Gatehouse already')
      .option('--json', 'print the result as JSON'),
    INIT_SETTINGS,
  ).action(async (flags: Record<string, unknown>) => {
    const { initialize } = await import('./init.ts');
    const { stateOf } = await import('./data-folder.ts');
    const { dataLayout } = await import('../runtime/layout.ts');
    const { systemClock } = await import('../runtime/clock.ts');
    const settings = readSettings(flags, environment, INIT_SETTINGS);
    if (flags.ifNew && stateOf(dataLayout(settings.data), settings.signer).kind === 'complete') return;
    const keepHostname = flags.hostname !== undefined;
    const result = await initialize(settings, systemClock, keepHostname);
    if (flags.json) {
      print(JSON.stringify(result));
      return;
    }
    print(`Gatehouse is set up in ${result.data}`);
    print(`  trust anchor       ${result.caFile}`);
    print(`  its SHA-256        ${displayFingerprint(result.rootFingerprint)}`);
    print(`  admin's token      ${result.adminTokenFile}`);
    if (result.generatedPassphraseFile !== null) {
      stderr.write(
        `WARNING: no passphrase was given, so one was generated into ${result.generatedPassphraseFile}, beside the\n` +
          'keys it protects. Whoever copies the folder can sign as your CA. For production, keep the passphrase\n' +
          'elsewhere and name its file with --passphrase-file.\n',
      );
    }
  });
}

export function migrateCommand(migrate: Command, { environment, stdout }: CommandIo): void {
  addSettingsOptions(
    migrate
      .description(
        "Brings the registry to this version's schema, and restores what the registry and the CA key can bring back: " +
          "the listeners' certificates and the trust anchor. `up` does this at every start.",
      )
      .option('--json', 'print the result as JSON'),
    [...INIT_SETTINGS, 'logLevel', 'logFormat'],
  ).action(async (flags: Record<string, unknown>) => {
    const { migrate } = await import('./migrate.ts');
    const settings = readSettings(flags, environment, INIT_SETTINGS);
    await migrate(settings);
    if (flags.json) stdout.write(`${JSON.stringify({ data: settings.data })}\n`);
  });
}

export function enrollCommand(enroll: Command, { environment }: CommandIo): void {
  addSettingsOptions(
    enroll
      .description(
        'Runs the enroll role, as a container does: the CA, the registry, the device, status and operator listeners.',
      )
      .option('--json', 'print one line of JSON when ready'),
    ENROLL_SETTINGS,
  ).action(async (flags: Record<string, unknown>) => {
    const { runEnroll } = await import('./run.ts');
    await runEnroll(readSettings(flags, environment, ENROLL_IN_USE), Boolean(flags.json));
  });
}
