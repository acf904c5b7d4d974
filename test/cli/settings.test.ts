/** Settings: what each takes, where it comes from, and what is said of a value that it does not take. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { readSettings, settingNames } from '../../runtime/settings.ts';
import { addSettingsOptions } from '../../runtime/settings-options.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const nowhere = { data: join(folder, 'nowhere') };

function invalid(message: string) {
  return expect.objectContaining({ code: 'setting_invalid', message });
}

/** A data folder with this gatehouse.yaml. */
function dataWith(name: string, yaml: string): string {
  const data = join(folder, name);
  mkdirSync(data);
  writeFileSync(join(data, 'gatehouse.yaml'), yaml);
  return data;
}

function parse(...given: string[]): Record<string, unknown> {
  const command = addSettingsOptions(new Command(), settingNames);
  return command.parse(given, { from: 'user' }).opts();
}

describe('a setting', () => {
  it.each([
    ['enrollPort', '8443', 8443],
    ['enrollPort', '0', 0],
    ['tokenRate', '1', 1],
    ['mqttUrl', 'mqtts://gate.test:8883', 'mqtts://gate.test:8883'],
    ['statusUrl', 'http://gate.test', 'http://gate.test'],
    ['statusUrl', 'https://gate.test', 'https://gate.test'],
    ['hostname', 'a, b', ['a', 'b']],
    ['retention', '90d', 90 * 86_400_000],
    ['retention', '7d', 7 * 86_400_000],
    ['retention', 86_400 * 30, 30 * 86_400_000],
    ['retention', 'forever', null],
  ])('%s takes %j', (name, given, value) => {
    expect(readSettings({ ...nowhere, [name]: given }, {})).toMatchObject({ [name]: value });
  });

  it.each([
    [
      'enrollPort',
      '--enroll-port takes a port number, 0 to 65535',
      ['', 'x', '-1', '1e3', '0x1F', '1.5', ' 1', '65536', '٣'],
    ],
    ['tokenRate', '--token-rate takes a whole number above zero', ['', '0', '1e3', 'many']],
    [
      'mqttUrl',
      '--mqtt-url takes an address that begins with mqtts://',
      ['', 'mqtt://a', 'https://a', 'gate.test'],
    ],
    [
      'statusUrl',
      '--status-url takes an address that begins with http:// or https://',
      ['', 'mqtts://a', 'ftp://a'],
    ],
    ['hostname', '--hostname takes DNS names and IP addresses, separated by commas', ['', 'a,', 'a b', 'ü']],
    ['logFormat', '--log-format takes json or text', ['', 'yaml']],
    [
      'retention',
      '--retention takes a duration from 7d to 100y, such as 365d, or forever',
      ['', '0', '6d', '101y', 'never', '-90d', '1.5y'],
    ],
  ])('%s refuses what it does not take, and says what it takes', (name, message, values) => {
    for (const value of values) {
      expect(() => readSettings({ ...nowhere, [name]: value }, {})).toThrow(
        invalid(`${message}, not ${JSON.stringify(value)}`),
      );
    }
  });

  it('is named as it was given: by its variable, or its key in the file', () => {
    expect(() => readSettings(nowhere, { GATEHOUSE_MQTT_PORT: 'x' })).toThrow(
      invalid('GATEHOUSE_MQTT_PORT takes a port number, 0 to 65535, not "x"'),
    );
    const data = dataWith('wrong', 'mqttPort: [1]');
    expect(() => readSettings({ data }, {})).toThrow(
      invalid(`mqttPort in ${data}/gatehouse.yaml takes a port number, 0 to 65535, not "[1]"`),
    );
  });

  it('comes from the flag, else the environment, else the file, else the default', () => {
    const data = dataWith('layers', 'enrollPort: 1\nstatusPort: "2"\nadminPort: 3');
    const environment = {
      GATEHOUSE_STATUS_PORT: '20',
      GATEHOUSE_ENROLL_PORT: '10',
      GATEHOUSE_ADMIN_PORT: '',
    };
    expect(readSettings({ data, enrollPort: '100' }, environment)).toMatchObject({
      enrollPort: 100,
      statusPort: 20,
      // A variable that is empty is one that was not set, as in a compose file.
      adminPort: 3,
      mqttPort: 8883,
    });
  });

  it('that does not exist fails the file', () => {
    const data = dataWith('unknown', 'enrolPort: 1');
    expect(() => readSettings({ data }, {})).toThrow(/there is no setting "enrolPort"/);
  });

  it('comes from no file that cannot be read, of which it is said why', () => {
    const data = join(folder, 'no-folder');
    writeFileSync(data, '');
    const message = `${data}/gatehouse.yaml is not there: where its folder should be there is a file`;
    const unreadable = (text: string) => expect.objectContaining({ code: 'file_unreadable', message: text });
    expect(() => readSettings({ data }, {})).toThrow(unreadable(message));
    const other = join(folder, 'folder-as-file');
    mkdirSync(join(other, 'gatehouse.yaml'), { recursive: true });
    expect(() => readSettings({ data: other }, {})).toThrow(
      unreadable(`${other}/gatehouse.yaml is a folder`),
    );
  });

  it('cannot come from a file of several documents, which is said in plain words', () => {
    const data = dataWith('several', 'enrollPort: 1\n---\nenrollPort: 2');
    expect(() => readSettings({ data }, {})).toThrow(
      invalid(`${data}/gatehouse.yaml: it holds several documents, and one is needed`),
    );
  });
});

describe('the flags', () => {
  it('collect hostnames, given with commas or one by one', () => {
    const { hostname } = readSettings({ ...nowhere, ...parse('--hostname', 'a,b', '--hostname', 'c') }, {});
    expect(hostname).toEqual(['a', 'b', 'c']);
  });

  it('take the last of what is given twice otherwise', () => {
    expect(parse('--mqtt-port', '1', '--mqtt-port', '2')).toEqual({ mqttPort: '2' });
  });

  it('show one default each, what they take and their variable', () => {
    const help = addSettingsOptions(new Command(), settingNames).helpInformation().replace(/\s+/g, ' ');
    expect(help.match(/\(default: /g)).toHaveLength(settingNames.length);
    expect(help).not.toContain('undefined');
    expect(help).not.toContain('<value>');
    expect(help).toContain(
      '--log-format <format> json, or text for people (default: text on a terminal, else json) [GATEHOUSE_LOG_FORMAT]',
    );
  });
});
