/**
 * docker-compose.yml, without an engine: the file is valid, and each service's command runs with the folders, and
 * only the folders, that its volumes give it.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { TokenCreated } from '../../core/api/tokens.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/external.ts';
import { executable, run } from '../support/gatehouse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = resolve(import.meta.dirname, '../..');

interface Service {
  readonly command: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly secrets?: readonly string[];
  readonly user?: string;
}

const ENROLL_USER = 10_001;
const BROKER_USER = 10_002;
const GROUP = 10_001;
/** As the containers' users, where this test may become them and they may read the code. */
const asOtherUsers =
  process.getuid?.() === 0 &&
  root.split('/').every((_, index, parts) => {
    const folder = parts.slice(0, index + 1).join('/') || '/';
    return (statSync(folder).mode & 0o001) !== 0;
  });
const userOf = (name: string) =>
  asOtherUsers ? { uid: name === 'broker' ? BROKER_USER : ENROLL_USER, gid: GROUP } : {};
const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Readonly<Record<'init' | 'enroll' | 'broker' | 'device-sim', Service>>;
};

describeWith(['docker-compose'], 'docker-compose config', () => {
  it('accepts the file', () => {
    const output = execFileSync('docker-compose', ['-f', join(root, 'docker-compose.yml'), 'config'], {
      stdio: 'pipe',
    });
    expect(Object.keys(parse(String(output)).services).sort()).toEqual([
      'broker',
      'device-sim',
      'enroll',
      'init',
    ]);
  });
});

describe('the image', () => {
  it('is made of one version of Node.js: others have had faults that no test would have met', () => {
    const [, from] = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
    expect(from).toMatch(/^node:\d+\.\d+\.\d+-/);
  });
});

describe('the services', () => {
  const folder = temporaryFolder();
  const passphrase = join(folder, 'passphrase');
  const children: ChildProcess[] = [];

  /** The data folder as the container of this service sees it. */
  function dataOf(name: keyof typeof services): string {
    const data = join(folder, name);
    for (const volume of services[name].volumes) {
      const [source = '', target = ''] = volume.split(':');
      const [real, seen] = [join(folder, 'volumes', source), join(data, target.replace(/^\/data\//, ''))];
      if (!existsSync(real)) {
        mkdirSync(real, { recursive: true });
        // As in the Dockerfile: these two are the group's to read.
        const shared = ['registry', 'tls-broker', 'reports'].includes(source) ? 0o2750 : 0o700;
        chmodSync(real, source === 'public' ? 0o755 : shared);
        const owner = ['reports', 'sessions'].includes(source) ? BROKER_USER : ENROLL_USER;
        if (asOtherUsers) chownSync(real, owner, GROUP);
      }
      mkdirSync(dirname(seen), { recursive: true });
      if (!existsSync(seen)) symlinkSync(real, seen);
    }
    return data;
  }

  function environmentOf(name: keyof typeof services): NodeJS.ProcessEnv {
    const ports = ['ENROLL', 'STATUS', 'ADMIN', 'MQTT', 'METRICS'].map((port) => [
      `GATEHOUSE_${port}_PORT`,
      '0',
    ]);
    const given = Object.entries(services[name].environment ?? {}).map(([key, value]) => [
      key,
      String(value)
        .replace(/\$\{\w+:-([^}]*)\}/, '$1')
        .replace('/run/secrets/passphrase', passphrase),
    ]);
    return {
      ...process.env,
      ...Object.fromEntries([...ports, ...given]),
      GATEHOUSE_DATA: dataOf(name),
      GATEHOUSE_HOST: '127.0.0.1',
    };
  }

  const runOnce = (name: keyof typeof services) =>
    execFileSync(process.execPath, [executable, ...services[name].command], {
      env: environmentOf(name),
      ...userOf(name),
      stdio: 'pipe',
    });

  async function start<Ready>(name: keyof typeof services): Promise<Ready> {
    const child = spawn(process.execPath, [executable, ...services[name].command, '--json'], {
      ...userOf(name),
      env: environmentOf(name),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return JSON.parse(line) as Ready;
  }

  beforeAll(() => {
    chmodSync(folder, 0o755);
    writeFileSync(passphrase, 'of the container\n', { mode: 0o600 });
    if (asOtherUsers) chownSync(passphrase, ENROLL_USER, GROUP);
  });
  afterAll(async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });

  it('give the broker no CA key and no passphrase', () => {
    const { volumes, secrets, environment } = services.broker;
    expect(volumes).toEqual([
      'registry:/data/registry:ro',
      'tls-broker:/data/tls/broker:ro',
      'reports:/data/reports',
      'sessions:/data/sessions',
    ]);
    expect(services.broker.user).toBe(`${BROKER_USER}:${GROUP}`);
    expect(secrets).toBeUndefined();
    expect(JSON.stringify(environment)).not.toMatch(/passphrase/i);
  });

  it('have the image name a file of its own to OpenSSL', () => {
    const [, file] = /OPENSSL_CONF=\/app\/(\S+)/.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
    expect(readFileSync(join(root, file ?? ''), 'utf8')).toMatch(/^NumTickets = 1$/m);
  });

  it('run as written: init, init again, enroll, broker, and a device that publishes', async () => {
    runOnce('init');
    runOnce('init');
    const { enrollUrl } = await start<{ enrollUrl: string }>('enroll');
    const { mqttUrl } = await start<{ mqttUrl: string }>('broker');
    expect(existsSync(join(folder, 'broker', 'ca'))).toBe(false);
    if (asOtherUsers) {
      const can = (user: string, mode: '-r' | '-w', path: string) =>
        spawnSync('test', [mode, join(folder, 'volumes', path)], userOf(user)).status === 0;
      const ofEnroll = [
        'registry',
        'registry/registry.db',
        'registry/registry.db-wal',
        'tls-broker/server.pem',
      ];
      const ofBroker = ['reports'];
      for (const [reader, paths] of [
        ['broker', ofEnroll],
        ['enroll', ofBroker],
      ] as const) {
        const rights = paths.map((path) => [path, can(reader, '-r', path), can(reader, '-w', path)]);
        expect(rights).toEqual(paths.map((path) => [path, true, false]));
      }
    }

    const { stdout } = await run(executable, 'token', 'create', '--json', '--data', join(folder, 'enroll'));
    const { token } = JSON.parse(stdout) as TokenCreated;
    const [, script = ''] = services['device-sim'].entrypoint ?? [];
    const args = services['device-sim'].command.map((word) =>
      word.replace('https://enroll:8443', enrollUrl).replace(/^\/data\//, `${dataOf('device-sim')}/`),
    );
    const device = spawn(process.execPath, [join(root, script), ...args, '--json'], {
      ...userOf('device-sim'),
      env: { ...environmentOf('device-sim'), GATEHOUSE_SIM_TOKEN: token, GATEHOUSE_SIM_MQTT_URL: mqttUrl },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(device);
    const events: string[] = [];
    for await (const line of createInterface({ input: device.stdout })) {
      events.push((JSON.parse(line) as { event: string }).event);
      if (events.at(-1) === 'published') device.kill('SIGTERM');
    }
    expect(events).toEqual(expect.arrayContaining(['enrolling', 'online', 'published', 'stopped']));
    expect(existsSync(join(folder, 'volumes', 'sim', 'device-1', 'cert.pem'))).toBe(true);
    // What the broker reports, enroll can read.
    const shown = ['device', 'show', 'device-1', '--json', '--data', join(folder, 'enroll')];
    await eventually(async () => {
      const { stdout: detail } = await run(executable, ...shown);
      return (JSON.parse(detail) as DeviceDetail).presence !== null;
    });
  });
});
