/** The simulator's command line: help that teaches, and misuse that is told. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { runSimulatorCommand } from '../../device-sim/program.ts';
import { transcribe } from '../cli/transcript.ts';

const simulator = (...given: readonly string[]) => transcribe(runSimulatorCommand, given);

describe('help', () => {
  it.each([['run'], ['fleet'], ['demo']])('of %s teaches by examples and exits with 0', async (command) => {
    const { code, stdout, stderr } = await simulator(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain(`$ gatehouse-sim ${command}`);
    expect(stderr).toBe('');
  });
});

describe('--version', () => {
  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await simulator('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('misuse', () => {
  it.each([
    ['no command', []],
    ['an unknown command', ['fly']],
    ['an unknown option', ['demo', '--fast']],
    ['a missing option', ['run']],
    ['an ID that cannot be one', ['run', '--state', 'x', '--id', '../x']],
    ['an address without TLS', ['run', '--state', 'x', '--url', 'http://localhost']],
    ['no token where one is needed', ['run', '--state', 'x']],
    ['a number that is none', ['fleet', '--token', 't', '--devices', '0']],
    ['a time that is none', ['fleet', '--token', 't', '--duration', 'long']],
    ['a time without a unit', ['fleet', '--token', 't', '--duration', '10']],
    ['a time that no timer takes', ['run', '--state', 'x', '--interval', '25d']],
    ['a choice that is none', ['run', '--state', 'x', '--renew-key', 'old']],
    ['a kind of key that is none', ['run', '--state', 'x', '--key-type', 'dsa']],
  ])('by %s exits with 2 and says so on standard error', async (_what, given) => {
    const { code, stderr } = await simulator(...given);
    expect(code).toBe(2);
    expect(stderr).toContain('code: usage_invalid');
  });
});
