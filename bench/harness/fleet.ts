/** Devices that are really enrolled and really connected: MQTT over TLS, each with a key and a certificate of its own. */
import { generateKeyPairSync } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { encodePem } from '../../core/pki/pem.ts';
import { buildCsr } from '../../device-sim/identity/csr.ts';
import { runGatehouse } from './gatehouse-command.ts';
import type { EnrollProcess } from './gatehouse-process.ts';
import { identityOf, Session, type Target } from './session.ts';
import { publishTemplate } from './wire.ts';

/** How many enroll, or connect, at one time. */
const AT_ONCE = 32;
const FIRST_PACKET_ID = 1;

const tokenSchema = z.object({ token: z.string() });
const enrolledSchema = z.object({ certificate: z.string(), chain: z.string() });

export interface Device {
  readonly id: string;
  /** PEM. */
  readonly key: string;
  readonly chain: string;
}

export interface ConnectedDevice {
  readonly id: string;
  /** Resolves with performance.now() when the socket has closed. */
  readonly closed: Promise<number>;
  /** Sends some telemetry with QoS 1 and resolves with its PUBACK. One at a time. Rejects where the connection has ended. */
  publish(): Promise<void>;
  close(): Promise<void>;
}

export interface EnrollOptions {
  readonly enroll: EnrollProcess;
  readonly data: string;
  readonly count: number;
  /** The default is the group of devices. */
  readonly group?: string;
  /** Of their IDs; `device` where absent. */
  readonly prefix?: string;
  readonly signal: AbortSignal;
}

export async function enrollFleet(options: EnrollOptions): Promise<Device[]> {
  const { enroll, data, count, group = 'devices', prefix = 'device', signal } = options;
  const terms = ['--data', data, '--group', group, '--max-uses', String(count)];
  const created = await runGatehouse('token', 'create', ...terms);
  const authorization = `Bearer ${tokenSchema.parse(created).token}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const pool = new Pool(enroll.enrollUrl, { connections: AT_ONCE, connect: { ca: enroll.ca } });
  try {
    return await forEachOf(count, signal, async (place) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const id = `${prefix}-${String(place).padStart(6, '0')}`;
      const csr = encodePem('CERTIFICATE REQUEST', buildCsr({ commonName: id, privateKey }));
      const body = JSON.stringify({ csr });
      const answer = await pool.request({ method: 'POST', path: '/v1/enroll', headers, body });
      const { certificate, chain } = enrolledSchema.parse(await answer.body.json());
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return { id, key, chain: `${certificate}${chain}` };
    });
  } finally {
    await pool.close();
  }
}

export interface ConnectOptions {
  readonly target: Target;
  readonly devices: readonly Device[];
  readonly signal: AbortSignal;
}

export async function connectFleet({ target, devices, signal }: ConnectOptions): Promise<ConnectedDevice[]> {
  const connected: ConnectedDevice[] = [];
  const connect = async (place: number): Promise<ConnectedDevice> => {
    const device = devices[place];
    if (device === undefined) throw new Error(`there is no device ${place}`);
    let onPuback = () => {};
    let onLost = () => {};
    const identity = identityOf(device, target);
    const session = await Session.open({ target, identity, onPuback: () => onPuback() });
    const closed = new Promise<number>((resolve) => {
      session.socket.once('close', () => resolve(performance.now()));
    });
    void closed.then(() => onLost());
    const topic = `devices/${device.id}/telemetry`;
    const { bytes } = publishTemplate(topic, Buffer.from('{"temperature":21.5}'), 1, FIRST_PACKET_ID);
    const one: ConnectedDevice = {
      id: device.id,
      closed,
      publish: () =>
        new Promise<void>((resolve, reject) => {
          onPuback = resolve;
          onLost = () => reject(new Error(`${device.id}: the connection was closed`));
          if (session.socket.destroyed) onLost();
          else session.socket.write(bytes);
        }),
      close: () => session.close(),
    };
    connected.push(one);
    return one;
  };
  try {
    return await forEachOf(devices.length, signal, connect);
  } catch (error) {
    await Promise.all(connected.map((one) => one.close()));
    throw error;
  }
}

/** @returns what `make` made for 0, 1, 2 …, in that order. Rejects once nothing is being made any more. */
async function forEachOf<T>(
  count: number,
  signal: AbortSignal,
  make: (place: number) => Promise<T>,
): Promise<T[]> {
  const made: T[] = [];
  const places = Array.from({ length: count }, (_none, place) => place).values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const place of places) {
      if (failures.length > 0 || signal.aborted) return;
      try {
        made[place] = await make(place);
      } catch (error) {
        failures.push(error);
      }
      await nextTurn();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return made;
}
