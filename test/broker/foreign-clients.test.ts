/** Clients that are not ours: mosquitto's, and openssl as a bare TLS client. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '../support/external.ts';
import type { Identity } from './authority.ts';
import { selfSigned } from './authority.ts';
import { Fleet } from './fleet.ts';
import { Inbox, subscribe } from './inbox.ts';

interface Ending {
  readonly code: number;
  readonly output: string;
}

let fleet: Fleet;
let folder: string;
beforeAll(async () => {
  fleet = await Fleet.create();
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-foreign-'));
  writeFileSync(join(folder, 'ca.pem'), fleet.ca);
});
afterAll(async () => {
  await fleet.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(program: string, parameters: readonly string[]): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(program, parameters, { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ code, output: stdout + stderr });
    });
  });
}

/** Where the broker is and who one is, as mosquitto's clients take it. */
function parametersOf(identity: Identity | null, id: string): string[] {
  const parameters = [
    '-h',
    'localhost',
    '-p',
    String(fleet.port),
    '--cafile',
    join(folder, 'ca.pem'),
    '-i',
    id,
  ];
  if (identity === null) return parameters;
  const [certificate, key] = [
    join(folder, `${identity.serialNumber}.pem`),
    join(folder, `${identity.serialNumber}.key`),
  ];
  writeFileSync(certificate, identity.chain);
  writeFileSync(key, identity.key);
  return [...parameters, '--cert', certificate, '--key', key];
}

describeWith(['mosquitto_pub', 'mosquitto_sub'], 'mosquitto', () => {
  it.each(['tlsv1.2', 'tlsv1.3'])('publishes and subscribes over %s', async (version) => {
    const reader = await fleet.connect(await fleet.enroll(`reader-${version}`, { group: 'services' }));
    const inbox = new Inbox(reader);
    await subscribe(reader, 'devices/+/telemetry/#');
    const id = `press-${version}`;
    const identity = await fleet.enroll(id);
    for (const qos of ['0', '1', '2']) {
      const topic = `devices/${id}/telemetry`;
      const message = ['-t', topic, '-m', `qos ${qos}`, '-q', qos, '--tls-version', version];
      expect(await run('mosquitto_pub', [...parametersOf(identity, id), ...message])).toMatchObject({
        code: 0,
      });
      await inbox.has(`qos ${qos}`);
    }
    await reader.endAsync();
  });

  it('receives a command', async () => {
    await fleet.applyPolicyGroup('commanders', { publish: ['devices/+/commands/#'] });
    const commander = await fleet.connect(await fleet.enroll('commander', { group: 'commanders' }));
    const identity = await fleet.enroll('press-7');
    const parameters = [
      ...parametersOf(identity, 'press-7'),
      '-t',
      'devices/press-7/commands/#',
      '-C',
      '1',
      '-q',
      '1',
      '-d',
    ];
    const subscription = run('mosquitto_sub', parameters);
    // When it has subscribed, it tells nobody but the broker: send until it has had enough.
    const send = () => commander.publish('devices/press-7/commands/open', 'now', { qos: 1 });
    const sending = setInterval(send, 50);
    const { code, output } = await subscription;
    clearInterval(sending);
    expect(code).toBe(0);
    expect(output).toContain('now');
  });

  it('is told that it is not authorised', async () => {
    const identity = await fleet.enroll('press-8');
    await fleet.revoke('press-8');
    const message = ['-t', 'devices/press-8/telemetry', '-m', 'x'];
    for (const [who, id] of [
      [identity, 'press-8'],
      [null, 'press-8'],
      [await selfSigned('press-8'), 'press-8'],
    ] as const) {
      const { code, output } = await run('mosquitto_pub', [...parametersOf(who, id), ...message]);
      expect(code).not.toBe(0);
      expect(output).toContain('not authorised');
    }
  });

  it('is told that its MQTT version is not spoken, or its client id not its own', async () => {
    const identity = await fleet.enroll('press-9');
    const message = ['-t', 'devices/press-9/telemetry', '-m', 'x'];
    const version5 = await run('mosquitto_pub', [
      ...parametersOf(identity, 'press-9'),
      ...message,
      '-V',
      '5',
    ]);
    expect(version5.output.toLowerCase()).toContain('unsupported protocol version');
    const version31 = await run('mosquitto_pub', [
      ...parametersOf(identity, 'press-9'),
      ...message,
      '-V',
      '31',
    ]);
    expect(version31.output).toContain('unacceptable protocol version');
    const foreignId = await run('mosquitto_pub', [...parametersOf(identity, 'press-8'), ...message]);
    expect(foreignId.output).toContain('identifier rejected');
  });

  it('has a filter refused that it may not have', async () => {
    const identity = await fleet.enroll('press-11');
    const parameters = [...parametersOf(identity, 'press-11'), '-t', 'devices/#', '-d', '-W', '2'];
    expect((await run('mosquitto_sub', parameters)).output).toContain('128');
  });
});

describeWith(['openssl'], 'openssl', () => {
  it.each(['-tls1_2', '-tls1_3'])('verifies the server by its hostname over %s', async (version) => {
    const verify = [
      '-verify_return_error',
      '-verify_hostname',
      'localhost',
      '-CAfile',
      join(folder, 'ca.pem'),
    ];
    const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${fleet.port}`, version, ...verify]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stdin.end();
    await once(child, 'close');
    expect(output).toContain('Verify return code: 0 (ok)');
  });
});
