/** `broker`: its options. What it runs is loaded only when it runs. */
import type { Command } from 'commander';
import { limitSettingNames } from '../runtime/limit-settings.ts';
import { readSettings, type SettingName } from '../runtime/settings.ts';
import { addSettingsOptions } from '../runtime/settings-options.ts';

const BROKER_SETTINGS: readonly SettingName[] = [
  'data',
  'host',
  'hostname',
  'mqttPort',
  'wssPort',
  'durability',
  'metricsHost',
  'metricsPort',
  ...limitSettingNames,
  'logLevel',
  'logFormat',
];

export function brokerCommand(broker: Command): void {
  addSettingsOptions(
    broker
      .description(
        'Runs the broker role, as a container does: MQTT over mutual TLS for the devices that the registry lets in. ' +
          'It waits up to 30 seconds for enroll to have set up the data folder.',
      )
      .option('--json', 'print one line of JSON when ready'),
    BROKER_SETTINGS,
  ).action(async (flags: Record<string, unknown>) => {
    const { runBroker } = await import('./run.ts');
    await runBroker(readSettings(flags, process.env, BROKER_SETTINGS), Boolean(flags.json));
  });
}
