/** Misuse ends with exit code 2, nothing on standard output, and a word on what is wrong; nothing is contacted. */
import { describe, expect, it } from '@jest/globals';
import { errorCode, explained, gatehouse } from './transcript.ts';

const misuses: [command: string, message: RegExp][] = [
  ['tokne', /unknown command 'tokne'\n\(Did you mean token\?\)/],
  ['token creat', /unknown command 'creat'\n\(Did you mean create\?\)/],
  ['token create --group', /option '--group <group>' argument missing/],
  ['token create --grp x', /unknown option '--grp'\n\(Did you mean --group\?\)/],
  ['token create x', /too many arguments.*/],
  ['token create --max-uses 0', /.*--max-uses.*Give a whole number from 1 to 1,000,000\./],
  ['token create --max-uses 1000001', /.*--max-uses.*Give a whole number from 1 to 1,000,000\./],
  ['token create --max-uses 1.5', /.*--max-uses.*Give a whole number from 1 to 1,000,000\./],
  [
    'token create --expires tomorrow',
    /.*--expires.*Give a duration from 1s to 365d, with its unit, such as 15m, 24h or 30d\./,
  ],
  [
    'token create --expires 0s',
    /.*--expires.*Give a duration from 1s to 365d, with its unit, such as 15m, 24h or 30d\./,
  ],
  ['token create --expires 366d', /.*--expires.*Give a duration from 1s to 365d.*/],
  ['token create --expires 60', /.*--expires.*with its unit.*/],
  ['token revoke 6f1d', /that is neither the id of an enrollment token .* nor a whole one .*/],
  ['token revoke ghe_6f1d2c3b4a59_c3VjaCBhIHNlY3JldA', /that is neither the id of an enrollment token .*/],
  ['token revoke', /missing required argument 'id'/],
  ['device show', /missing required argument 'id'/],
  ['device show a/b', /.*a\/b.*beginning with a letter or digit\./],
  ['device revoke', /missing required argument 'id'/],
  ['device revoke dev1 -dev2', /unknown option '-dev2'/],
  ['device revoke dev1 a+b', /.*a\+b.*beginning with a letter or digit\./],
  ['device revoke dev1 --reason boredom', /.*boredom.*Allowed choices are.*keyCompromise.*/],
  ['device revoke dev1 --reason certificateHold', /.*certificateHold.*Allowed choices are.*/],
  ['device list --status dead', /.*dead.*Allowed choices are active, suspended, revoked\./],
  ['device set dev1', /give --group, or --attr, or both/],
  ['device set dev1 --attr site', /.*--attr.*Give name=value.*/],
  ['device set dev1 --attr __proto__=x', /.*--attr.*Give name=value.*/],
  ['group apply', /give a file, or --name, --policy and --profile/],
  ['group apply --name g --policy p', /give a file, or --name, --policy and --profile/],
  ['group apply g.yaml --name g', /give a file or options, not both/],
  ['policy test --publish a', /required option '--device <id>' not specified/],
  ['policy test --device dev1', /give exactly one of --publish and --subscribe/],
  ['policy test --device dev1 --publish a --subscribe a', /give exactly one of --publish and --subscribe/],
  ['policy apply', /missing required argument 'file'/],
  ['manufacturer add acme', /required option '--factory-ca <file>' not specified/],
  ['manufacturer add acme --factory-ca x --admit any', /with --admit any, give --group/],
  ['manufacturer add acme --factory-ca x --id-from email', /.*email.*Allowed choices are cn, serialNumber.*/],
  ['manufacturer add acme --factory-ca x --id-prefix a/b', /.*a\/b.*beginning of a device ID.*/],
  ['request approve', /missing required argument 'id'/],
  ['request approve 1 x', /.*'x'.*Give a whole number.*/],
  ['request list --status lapsed', /.*lapsed.*Allowed choices are pending, approved, denied, issued\./],
  [
    'group apply --name g --policy p --profile p --approval yes',
    /.*yes.*Allowed choices are none, required\./,
  ],
  ['operator create night', /required option '--role <role>' not specified/],
  ['operator create night --role god', /.*god.*Allowed choices are viewer, operator, admin\./],
  ['operator create Night! --role viewer', /.*Night!.*beginning with a letter or digit\./],
  ['key block abc --note x', /.*abc.*Give 64 hex digits.*/],
  ['journal list --after -1', /.*--after.*/],
  ['journal verify --expect 12', /.*--expect.*Give SEQ:HASH.*/],
];

// A server that is not there: had a command gone to it, the code would be server_unreachable.
const environment = { GATEHOUSE_URL: 'https://127.0.0.1:1', GATEHOUSE_TOKEN: 'gho_x' };

describe('when a command is misused', () => {
  it.each(misuses)('gatehouse %s', async (command, message) => {
    const { code, stdout, stderr } = await gatehouse(command.split(' '), environment);
    expect(stderr).toMatch(explained(message, 'usage_invalid'));
    expect([code, stdout]).toEqual([2, '']);
  });

  it.each(misuses)('gatehouse %s --json', async (command) => {
    const { code, stdout, stderr } = await gatehouse(['--json', ...command.split(' ')], environment);
    expect([code, stdout, errorCode(stderr)]).toEqual([2, '', 'usage_invalid']);
  });

  it('shows the commands there are where one is missing', async () => {
    const { code, stdout, stderr } = await gatehouse(['device']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('revoke');
    expect(stderr).toContain('error: the command is not complete\ncode: usage_invalid\n');
  });

  it('names the setting that is not valid, and where it came from', async () => {
    const { code, stdout, stderr } = await gatehouse(['up'], { GATEHOUSE_MQTT_PORT: '70000' });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      explained('GATEHOUSE_MQTT_PORT takes a port number, 0 to 65535, not "70000"', 'setting_invalid'),
    );
  });

  it('refuses an address that would send the token in the clear', async () => {
    const { code, stderr } = await gatehouse([
      'device',
      'list',
      '--url',
      'http://localhost:9443',
      '--token',
      'gho_x',
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      explained(/--url takes an address that begins with https:\/\/, not "http:.*"/, 'setting_invalid'),
    );
  });
});
