/** `gatehouse up` and its processes: in which order they come, that they stay together, that none is left behind. */
import { X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dataLayout } from '../../runtime/layout.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Role, ScriptedRoles } from './scripted-roles.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';
import { errorCode, explained, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const layout = dataLayout(data);
let server: SmallServer;
const tokensAsked: string[] = [];
let count = 0;

beforeAll(async () => {
  server = await startSmallServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => tokensAsked.push(text));
    request.on('end', () => response.writeHead(201).end('{"token":"ghe_first"}'));
  });
  for (const path of [layout.rootCertificate, layout.operator.token])
    mkdirSync(dirname(path), { recursive: true });
  writeFileSync(layout.rootCertificate, server.root);
  writeFileSync(layout.operator.token, 'gho_admin');
});
afterAll(() => server.close());

const broker: Role = { says: [{ ready: true, role: 'broker', mqttUrl: 'mqtts://localhost:1883' }] };
const enroll = (): Role => ({
  says: [
    { ready: true, role: 'enroll', enrollUrl: 'https://e', statusUrl: 'http://s', adminUrl: server.url },
  ],
});

/** Runs `up` until it ends, or until it is ready and `whenReady` has asked for its end. */
async function up(
  roles: Readonly<Record<string, Role>>,
  { flags = ['--json'], environment = {}, terminal = false, whenReady }: UpOptions = {},
) {
  count += 1;
  const scripted = new ScriptedRoles(folder, String(count), roles);
  const end = new AbortController();
  const running: string[][] = [];
  const transcript = await gatehouse(
    ['up', '--data', data, ...flags],
    { ...scripted.environment, ...environment },
    {
      executable: scripted.executable,
      terminal,
      signals: [end.signal],
      onOutput: () => {
        running.push(scripted.running());
        (whenReady ?? (() => end.abort()))();
      },
    },
  );
  return { ...transcript, scripted, running };
}
interface UpOptions {
  readonly flags?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly terminal?: boolean;
  readonly whenReady?: () => void;
}

describe('when everything starts', () => {
  it('brings the data folder up to date, then starts broker and enroll, and ends both when asked to', async () => {
    const { code, stderr, scripted, running } = await up({ broker, enroll: enroll() });
    expect([code, stderr]).toEqual([0, '']);
    expect(scripted.started().map(({ role, flags }) => [role, ...flags])).toEqual([
      ['init', '--if-new', '--json'],
      ['migrate'],
      ['broker', '--json'],
      ['enroll', '--json', '--mqtt-url', 'mqtts://localhost:1883'],
    ]);
    expect(running).toEqual([['broker', 'enroll']]);
    expect(scripted.ended().sort()).toEqual(['broker', 'enroll']);
    expect(scripted.running()).toEqual([]);
  });

  it('prints one line of JSON with just what is agreed', async () => {
    const { stdout } = await up({ broker, enroll: enroll() });
    expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
    expect(JSON.parse(stdout)).toEqual({
      ready: true,
      enrollUrl: 'https://e',
      statusUrl: 'http://s',
      adminUrl: server.url,
      mqttUrl: 'mqtts://localhost:1883',
      caFile: layout.rootCertificate,
      caFingerprint: new X509Certificate(server.root).fingerprint256,
      adminTokenFile: layout.operator.token,
      token: 'ghe_first',
    });
    expect(JSON.parse(tokensAsked.at(-1) ?? '')).toEqual({
      group: 'devices',
      maxUses: 1_000,
      expiresIn: 3_600,
    });
  });

  it('tells people where everything is and what to do next', async () => {
    const { stdout } = await up({ broker, enroll: enroll() }, { flags: [], terminal: true });
    expect(stdout).toMatch(/^Gatehouse is ready\.\n/);
    for (const text of [
      'https://e',
      'mqtts://localhost:1883',
      'ghe_first',
      layout.rootCertificate,
      'gatehouse-sim run',
    ]) {
      expect(stdout).toContain(text);
    }
  });

  it('warns where init made a passphrase up', async () => {
    const init: Role = { says: [{ generatedPassphraseFile: '/data/ca/passphrase' }], exits: 0 };
    const { stderr, scripted } = await up({ init, broker, enroll: enroll() }, { flags: [] });
    expect(scripted.started().map(({ role }) => role)).toEqual(['init', 'migrate', 'broker', 'enroll']);
    expect(stderr).toMatch(
      /^WARNING: no passphrase was given, so one was generated into \/data\/ca\/passphrase/,
    );
  });

  it('hands its settings on: flags over environment, and the names of init as a flag, which it keeps', async () => {
    const { scripted } = await up(
      { broker, enroll: enroll() },
      {
        flags: [
          '--json',
          '--mqtt-port',
          '0',
          '--hostname',
          'gate.test',
          '--mqtt-url',
          'mqtts://gate.test:443',
          '--passphrase-file',
          '/run/passphrase',
        ],
        environment: { GATEHOUSE_MQTT_PORT: '1', GATEHOUSE_ENROLL_PORT: '2' },
      },
    );
    const [init, migrate, , role] = scripted.started();
    expect(init?.flags).toEqual(['--if-new', '--json', '--hostname', 'gate.test']);
    expect(role?.flags).toEqual(['--json', '--mqtt-url', 'mqtts://gate.test:443']);
    expect(migrate?.environment).toMatchObject({
      GATEHOUSE_HOSTNAME: 'gate.test',
      GATEHOUSE_PASSPHRASE_FILE: '/run/passphrase',
    });
    expect(role?.environment).toMatchObject({
      GATEHOUSE_SUPERVISED: '1',
      GATEHOUSE_DATA: data,
      GATEHOUSE_HOSTNAME: 'gate.test',
      GATEHOUSE_MQTT_PORT: '0',
      GATEHOUSE_ENROLL_PORT: '2',
    });
  });

  it('creates no token where a log may collect what it prints', async () => {
    const asked = tokensAsked.length;
    const { code, stdout } = await up({ broker, enroll: enroll() }, { flags: [] });
    expect([code, tokensAsked.length]).toEqual([0, asked]);
    expect(stdout).not.toContain('ghe_');
    expect(stdout).toContain('gatehouse token create');
  });

  it('goes on without a first token where none can be had, and says why', async () => {
    const elsewhere: Role = {
      says: [{ enrollUrl: 'https://e', statusUrl: 'http://s', adminUrl: 'https://localhost:1' }],
    };
    const { code, stdout } = await up({ broker, enroll: elsewhere }, { flags: [], terminal: true });
    expect(code).toBe(0);
    expect(stdout).toMatch(/enrollment token +none: https:\/\/localhost:1: /);
    expect(stdout).toContain('gatehouse token create');
  });
});

describe('when a process fails', () => {
  const portTaken: Role = {
    says: [{ error: { code: 'port_in_use', detail: '0.0.0.0:8883 is taken', remedy: 'Stop that program.' } }],
    exits: 1,
  };

  it('passes on, in its own words, why the broker did not start', async () => {
    const { code, stdout, stderr, scripted } = await up({ broker: portTaken }, { flags: [] });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(explained('0.0.0.0:8883 is taken', 'port_in_use'));
    expect(scripted.started().map(({ role }) => role)).toEqual(['init', 'migrate', 'broker']);
  });

  it('ends the broker where enroll does not start', async () => {
    const { code, stdout, stderr, scripted } = await up({ broker, enroll: portTaken });
    expect([code, stdout, errorCode(stderr)]).toEqual([1, '', 'port_in_use']);
    expect([scripted.ended(), scripted.running()]).toEqual([['broker'], []]);
  });

  it('has warned of the passphrase that init made up', async () => {
    const init: Role = { says: [{ generatedPassphraseFile: '/data/ca/passphrase' }], exits: 0 };
    const { code, stderr } = await up({ init, broker: portTaken }, { flags: [] });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^WARNING: no passphrase was given.*\nerror: 0\.0\.0\.0:8883 is taken\n/s);
  });

  it('starts no role where init fails', async () => {
    const init: Role = { says: [{ error: { code: 'data_incomplete', detail: 'x', remedy: 'y' } }], exits: 1 };
    const { code, stderr, scripted } = await up({ init });
    expect([code, errorCode(stderr), scripted.started().length]).toEqual([1, 'data_incomplete', 1]);
  });

  it('starts no role where init fails after it has said its piece', async () => {
    const init: Role = { says: [{ generatedPassphraseFile: null }], exits: 7 };
    const { code, stderr, scripted } = await up({ init });
    expect([code, errorCode(stderr), scripted.started().length]).toEqual([1, 'process_ended', 1]);
  });

  it('fails where a role ends without a word, even well', async () => {
    const { code, stderr } = await up({ broker: { exits: 0 } }, { flags: [] });
    expect(code).toBe(1);
    expect(stderr).toMatch(explained('gatehouse broker ended by itself', 'process_ended'));
  });

  it.each(['broker', 'enroll'])('ends the other where %s dies later, and fails', async (name) => {
    const crashesWhen = join(folder, `${name}.crash`);
    const roles = { broker, enroll: enroll() };
    const { code, stderr, scripted } = await up(
      { ...roles, [name]: { ...roles[name as keyof typeof roles], crashesWhen } },
      { flags: [], whenReady: () => writeFileSync(crashesWhen, '') },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(explained(`gatehouse ${name} ended with code 3`, 'process_ended'));
    expect([scripted.ended(), scripted.running()]).toEqual([[name === 'broker' ? 'enroll' : 'broker'], []]);
  });
});

describe('a process that up started', () => {
  it('says on standard output, in JSON, why it failed: up passes it on', async () => {
    const { code, stdout, stderr } = await gatehouse(['group', 'list', '--data', join(folder, 'nowhere')], {
      GATEHOUSE_SUPERVISED: '1',
    });
    expect([code, errorCode(stdout), stderr]).toEqual([1, 'server_unknown', '']);
  });
});

describe('when it is asked to end before it is ready', () => {
  it('ends what it has started at once, though that does not listen yet', async () => {
    const end = new AbortController();
    const scripted = new ScriptedRoles(folder, 'early', { broker: {} });
    const done = gatehouse(
      ['up', '--data', data],
      { ...scripted.environment },
      { executable: scripted.executable, signals: [end.signal] },
    );
    await eventually(() => scripted.running().includes('broker'));
    end.abort();
    expect(await done).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(scripted.running()).toEqual([]);
  });
});
