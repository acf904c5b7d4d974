/** Adds settings to a command as flags, with their help, default and environment variable from the one table. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { environmentVariableOf, flagOf, type SettingName, settingsTable } from './settings.ts';

export function addSettingsOptions(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const { help, default: fallback } = settingsTable[name];
    const shown = fallback === undefined ? '' : ` (default: ${[fallback].flat().join(',')})`;
    command.addOption(
      new Option(`${flagOf(name)} <value>`, `${help}${shown} [${environmentVariableOf(name)}]`),
    );
  }
  return command;
}
