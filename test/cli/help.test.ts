/** `--help` teaches: what there is, an example of each command, what the exit codes mean. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { gatehouse } from './transcript.ts';

const commands = [
  'token create',
  'token list',
  'token revoke',
  'device list',
  'device show',
  'device explain',
  'device import',
  'device create',
  'device set',
  'device suspend',
  'device resume',
  'device revoke',
  'device reinstate',
  'device release',
  'request list',
  'request show',
  'request approve',
  'request deny',
  'manufacturer add',
  'manufacturer list',
  'manufacturer show',
  'manufacturer remove',
  'group list',
  'group show',
  'group apply',
  'group revoke',
  'group suspend',
  'group resume',
  'certificate list',
  'certificate show',
  'certificate revoke',
  'policy list',
  'policy show',
  'policy apply',
  'policy test',
  'profile list',
  'profile show',
  'profile apply',
  'profile test',
  'journal list',
  'journal verify',
  'housekeeping status',
  'housekeeping run',
  'ca status',
  'ca rotate',
  'ca retire',
  'ca revoke-certificates',
  'operator create',
  'operator list',
  'operator remove',
  'key block',
  'key list',
  'key unblock',
];

describe('gatehouse --help', () => {
  it('shows the commands of the roles and of the operator, examples and exit codes', async () => {
    const { code, stdout, stderr } = await gatehouse(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const word of [
      'up',
      'init',
      'enroll',
      'token',
      'device',
      'journal',
      'Examples:',
      'Exit codes: 0 done',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  it.each(commands)('gatehouse %s --help describes it, with an example and --json', async (command) => {
    const { code, stdout, stderr } = await gatehouse([...command.split(' '), '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Usage: gatehouse ${command} `));
    expect(stdout).toMatch(new RegExp(`Examples:\n {2}\\$ .*gatehouse ${command}`));
    expect(stdout).toContain('--json');
    expect(stdout).toContain('GATEHOUSE_TOKEN');
  });

  it.each(['device', 'group', 'request', 'certificate', 'ca'])(
    'gatehouse %s --help leaves what --json gives to each command',
    async (noun) => {
      const { stdout } = await gatehouse([noun, '--help']);
      expect(stdout).not.toContain('"counts"');
    },
  );

  it('gatehouse device revoke --help tells what --json gives', async () => {
    expect((await gatehouse(['device', 'revoke', '--help'])).stdout).toContain('"counts"');
  });

  it('gatehouse up --help shows every setting with its variable', async () => {
    const { stdout } = await gatehouse(['up', '--help']);
    for (const word of [
      '--enroll-port <port>',
      'GATEHOUSE_MQTT_PORT',
      '--passphrase-file <file>',
      '--hostname <names>',
      '--mqtt-url <url>',
    ])
      expect(stdout).toContain(word);
  });

  it('gatehouse --version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(await gatehouse(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});
