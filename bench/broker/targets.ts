/** The brokers that are measured: Gatehouse as it is shipped, and Mosquitto with the same CA, certificates and rights. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBrokerRole } from '../harness/gatehouse-process.ts';
import type { Pinning } from '../harness/pinning.ts';
import { freePort, untilListening } from '../harness/ports.ts';
import { type ServerProcess, startProcess } from '../harness/server-process.ts';
import type { Target } from '../harness/session.ts';

const VERSION_TIMEOUT_MS = 20_000;

export interface MeasuredBroker {
  readonly name: string;
  readonly target: Target;
  readonly process: ServerProcess;
}

export interface BrokerOptions {
  /** The data folder of the Gatehouse whose enroll role issued the certificates. */
  readonly data: string;
  readonly ca: string;
  readonly pinning: Pinning;
  readonly signal: AbortSignal;
}

export async function startGatehouseBroker(options: BrokerOptions): Promise<MeasuredBroker> {
  const { mqttUrl, process } = await startBrokerRole(options);
  const { port } = new URL(mqttUrl);
  return { name: 'Gatehouse', process, target: { host: '127.0.0.1', port: Number(port), ca: options.ca } };
}

/** Undefined where it is not installed. */
export function mosquittoVersion(): string | undefined {
  // It says it in its help.
  const { error, stdout } = spawnSync('mosquitto', ['-h'], { encoding: 'utf8', timeout: VERSION_TIMEOUT_MS });
  return error === undefined ? /version (\S+)/.exec(stdout)?.[1] : undefined;
}

export interface MosquittoOptions extends BrokerOptions {
  /** Where its files go. */
  readonly folder: string;
  /** Who may read everybody's telemetry. */
  readonly reader: string;
}

export async function startMosquitto(options: MosquittoOptions): Promise<MeasuredBroker> {
  const { folder, ca, pinning, signal } = options;
  const port = await freePort();
  const configuration = await writeConfiguration(options, port);
  const process = startProcess({
    name: 'Mosquitto',
    command: pinning.onServerCore(['mosquitto', '-c', configuration]),
  });
  try {
    await untilListening(port, process, signal);
  } catch (error) {
    await process.stop();
    throw error;
  }
  await mkdir(folder, { recursive: true });
  return { name: 'Mosquitto', process, target: { host: '127.0.0.1', port, ca } };
}

/** Its persistence is a snapshot now and then; to write each message to disk before PUBACK it has no setting. */
async function writeConfiguration(
  { folder, data, ca, reader }: MosquittoOptions,
  port: number,
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const bundle = await readFile(join(data, 'tls', 'broker', 'server.pem'), 'utf8');
  const certificates = bundle.slice(bundle.indexOf('-----BEGIN CERTIFICATE'));
  const [, ...chain] = certificates.split(/(?=-----BEGIN CERTIFICATE)/);
  const file = (name: string) => join(folder, name);
  await writeFile(file('server.key'), bundle.slice(0, bundle.indexOf('-----BEGIN CERTIFICATE')));
  await writeFile(file('server.pem'), certificates);
  await writeFile(file('ca.pem'), [ca, ...chain].join(''));
  const rights = [`user ${reader}`, 'topic read devices/+/telemetry', '', 'pattern write devices/%u/#'];
  await writeFile(file('acl'), `${rights.join('\n')}\n`, { mode: 0o600 });
  const lines = [
    ...[`listener ${port} 127.0.0.1`, `cafile ${file('ca.pem')}`],
    ...[`certfile ${file('server.pem')}`, `keyfile ${file('server.key')}`],
    ...['require_certificate true', 'use_identity_as_username true', 'allow_anonymous false'],
    ...[`acl_file ${file('acl')}`, 'set_tcp_nodelay true', 'log_type error'],
    ...['max_inflight_messages 100', 'max_queued_messages 200000', 'max_queued_bytes 0'],
    ...['persistence true', `persistence_location ${folder}/`, 'user root'],
  ];
  await writeFile(file('mosquitto.conf'), `${lines.join('\n')}\n`);
  return file('mosquitto.conf');
}
