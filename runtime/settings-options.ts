/** Adds settings to a command as flags, with their help, default and environment variable from the one table. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { SettingRow } from './setting-row.ts';
import { environmentVariableOf, flagOf, type SettingName, settingsTable, shownDefault } from './settings.ts';

export function addSettingsOptions(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const row: SettingRow = settingsTable[name];
    const text = `${row.help} (default: ${shownDefault(name)}) [${environmentVariableOf(name)}]`;
    const option = new Option(`${flagOf(name)} ${row.placeholder}`, text);
    if (row.repeatable) option.argParser(appended);
    command.addOption(option);
  }
  return command;
}

/** As if it had been given once, with commas. */
function appended(text: string, before: string | undefined): string {
  return before === undefined ? text : `${before},${text}`;
}
