/** Settings that contradict one another end the start, and name each other; what nobody has chosen gives way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from '@jest/globals';
import { limitSettingNames, limitSettings } from '../../runtime/limit-settings.ts';
import { flagOf, readSettings, type SettingName, settingNames } from '../../runtime/settings.ts';
import { executable } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { errorCode, explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
const nowhere = { data: join(folder, 'nowhere') };
type Given = Partial<Record<SettingName, string>>;
const read = (given: Given, inUse?: readonly SettingName[]) =>
  readSettings({ ...nowhere, ...given }, {}, inUse);

/** @param names of which the message has to tell */
function conflict(...names: readonly string[]) {
  const all = names.map((name) => `(?=.*${name} is )`).join('');
  return expect.objectContaining({
    code: 'settings_conflict',
    message: expect.stringMatching(new RegExp(`^${all}`)),
  });
}

/** The part, the whole, a value of the part, and the least of the whole that it goes with. */
const parts = [
  ['maxHandshakesPerAddress', 'maxHandshakes', '100', '100'],
  ['maxHandshakesPerAddress', 'maxUnprovenPerAddress', '100', '100'],
  ['maxHandshakes', 'maxConnections', '200', '200'],
  ['maxUnprovenPerAddress', 'maxConnections', '600', '600'],
  ['maxWaitingPerAddress', 'maxWaiting', '5000', '5000'],
  ['maxWaitingPerAddress', 'maxConnections', '6000', '6000'],
  ['maxWaiting', 'maxConnections', '12000', '12000'],
  ['maxQueueSize', 'maxQueuedSize', '2MB', '2MB'],
] as const;

describe.each(parts)('%s and %s', (part, whole, value, least) => {
  const less = least.endsWith('MB') ? '2047KB' : String(Number(least) - 1);

  it('are refused where the part is more than the whole, by both names', () => {
    const reading = () => read({ [part]: value, [whole]: less });
    expect(reading).toThrow(conflict(flagOf(part), flagOf(whole)));
    expect(reading).toThrow(expect.objectContaining({ message: expect.stringContaining(value) }));
    expect(reading).toThrow(expect.objectContaining({ message: expect.stringContaining(less) }));
  });

  it('go together where it is as much', () => {
    expect(read({ [part]: value, [whole]: least })).toBeDefined();
  });

  it('go together where nobody chose the part, however small the whole', () => {
    expect(read({ [whole]: limitSettings[whole].schema.safeParse(1).success ? '1' : '1MB' })).toBeDefined();
  });
});

describe('a limit that was chosen', () => {
  it('is held against the default of the other', () => {
    expect(() => read({ maxHandshakesPerAddress: '257' })).toThrow(
      expect.objectContaining({
        code: 'settings_conflict',
        message: expect.stringMatching(/^--max-handshakes-per-address is 257, and --max-handshakes is 256: /),
      }),
    );
    expect(() => read({ maxQueueSize: '5GB' })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('--max-queued-size is 4GB') }),
    );
  });

  it('is named by where it was chosen', () => {
    const data = join(folder, 'file');
    mkdirSync(data);
    writeFileSync(join(data, 'gatehouse.yaml'), 'maxWaiting: 10\n');
    const environment = { GATEHOUSE_MAX_WAITING_PER_ADDRESS: '11' };
    expect(() => readSettings({ data }, environment)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^GATEHOUSE_MAX_WAITING_PER_ADDRESS is 11, and maxWaiting in \S+gatehouse\.yaml is 10: /,
        ),
      }),
    );
  });

  it('conflicts with none by itself, as a default', () => {
    expect(read({})).toBeDefined();
    for (const name of limitSettingNames)
      expect(read({ [name]: String(limitSettings[name].default) })).toBeDefined();
  });
});

describe('ports', () => {
  it.each([
    ['enrollPort', 'statusPort', {}],
    ['mqttPort', 'enrollPort', {}],
    ['wssPort', 'mqttPort', {}],
    ['metricsPort', 'adminPort', {}],
    ['adminPort', 'enrollPort', { host: '0.0.0.0', adminHost: '127.0.0.1' }],
    ['adminPort', 'enrollPort', { host: '::', adminHost: '127.0.0.1' }],
    ['adminPort', 'enrollPort', { host: '192.0.2.1', adminHost: '192.0.2.1' }],
  ] as const)('%s and %s are not the same where both are opened: %j', (one, other, hosts) => {
    const names = [flagOf(one), flagOf(other)];
    expect(() => read({ [one]: '7000', [other]: '7000', ...hosts })).toThrow(conflict(...names));
    expect(read({ [one]: '7000', [other]: '7001', ...hosts })).toBeDefined();
  });

  it('may be the same at addresses that differ, and where each takes a free one', () => {
    const same = { adminPort: '7000', enrollPort: '7000' };
    expect(read({ ...same, host: '192.0.2.1', adminHost: '127.0.0.1' })).toBeDefined();
    expect(read({ ...same, host: '0.0.0.0', adminHost: '::1' })).toBeDefined();
    expect(read({ adminPort: '0', enrollPort: '0', mqttPort: '0', metricsPort: '0' })).toBeDefined();
  });

  it('are told apart from the defaults of others too', () => {
    expect(() => read({ wssPort: '8883' })).toThrow(conflict('--wss-port', '--mqtt-port'));
  });
});

describe('what a process does not go by', () => {
  it('is no concern of its', () => {
    const given: Given = { mqttPort: '7000', enrollPort: '7000', maxWaiting: '1', maxWaitingPerAddress: '2' };
    const without = (...names: readonly SettingName[]) =>
      settingNames.filter((name) => !names.includes(name));
    expect(read(given, without('mqttPort', 'maxWaitingPerAddress'))).toBeDefined();
    expect(() => read(given, without('mqttPort'))).toThrow(conflict('--max-waiting'));
    expect(() => read(given, without('maxWaitingPerAddress'))).toThrow(conflict('--mqtt-port'));
  });

  it('is another port of one number to enroll, whose broker may run elsewhere', async () => {
    const flags = [
      '--enroll-port',
      '8883',
      '--data',
      join(folder, 'nothing'),
      '--json',
      '--log-level',
      'silent',
    ];
    const { stderr } = await gatehouse(['enroll', ...flags]);
    expect(errorCode(stderr)).toBe('data_missing');
  });

  it('is another port of one number to the broker, whose enroll may run elsewhere', async () => {
    const flags = ['--mqtt-port', '8443', '--data', join(folder, 'nothing'), '--log-format', 'json'];
    const child = spawn(process.execPath, [executable, 'broker', ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [first]: string[] = await once(createInterface({ input: child.stderr }), 'line');
    child.kill('SIGKILL');
    expect(JSON.parse(first ?? '')).toMatchObject({
      msg: expect.stringContaining('waiting for the registry'),
    });
  });
});

describe('the commands', () => {
  it.each(['up', 'broker'])('%s ends before anything starts, with code 2', async (command) => {
    const data = join(folder, `never-${command}`);
    const flags = ['--max-connections', '10', '--max-waiting', '11', '--data', data];
    const { code, stdout, stderr } = await gatehouse([command, ...flags]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      explained(
        /--max-waiting is 11, and --max-connections is 10: the former are [^\n]+/,
        'settings_conflict',
      ),
    );
  });

  it('enroll ends on ports of its own that are the same', async () => {
    const flags = ['--admin-port', '8443', '--data', join(folder, 'never'), '--json'];
    const { code, stderr } = await gatehouse(['enroll', ...flags]);
    expect([code, errorCode(stderr)]).toEqual([2, 'settings_conflict']);
  });

  it('init has no part in what others contradict one another about', async () => {
    const environment = { GATEHOUSE_MAX_WAITING: '1', GATEHOUSE_MAX_WAITING_PER_ADDRESS: '2' };
    const { code } = await gatehouse(['init', '--data', join(folder, 'init')], environment);
    expect(code).toBe(0);
  });
});
