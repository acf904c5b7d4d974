/** Adds settings to a command as flags, with their help, default and environment variable from the one table. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { SettingRow } from './setting-row.ts';
import { environmentVariableOf, flagOf, type SettingName, settingsTable } from './settings.ts';

export function addSettingsOptions(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const row: SettingRow = settingsTable[name];
    const text = `${row.help} (default: ${shownDefault(row)}) [${environmentVariableOf(name)}]`;
    const option = new Option(`${flagOf(name)} ${row.placeholder}`, text);
    if (row.repeatable) option.argParser(appended);
    command.addOption(option);
  }
  return command;
}

function shownDefault({ defaultText, default: value }: SettingRow): string {
  return defaultText ?? [value].flat().join(',');
}

/** As if it had been given once, with commas. */
function appended(text: string, before: string | undefined): string {
  return before === undefined ? text : `${before},${text}`;
}
