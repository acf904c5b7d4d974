/**
 * The peer: `cfssl serve` (https://github.com/cloudflare/cfssl) with a CA in files, signing over plain HTTP. It
 * checks the CSR's signature and signs, as Gatehouse does, but nobody has to show a token and nothing is stored.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { issueRootCertificate } from '../../core/pki/issue.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import type { Pinning } from './pinning.ts';
import type { SigningServer } from './series.ts';
import { type ServerProcess, startProcess } from './server-process.ts';

const CA_VALIDITY_MS = 86_400_000 * 365;
const START_TIMEOUT_MS = 20_000;
const ASK_AGAIN_MS = 50;
/** Fewer lines than its default of one for each certificate, which would be counted against it. */
const LOG_LEVEL_ERROR = '3';

/** As Gatehouse's profile `device`: 90 days, clientAuth. */
const CONFIGURATION = {
  signing: {
    default: { expiry: '2160h' },
    profiles: { client: { expiry: '2160h', usages: ['digital signature', 'client auth'] } },
  },
};

const answerSchema = z.object({ success: z.literal(true), result: z.object({ certificate: z.string() }) });

/** Undefined where it is not installed. */
export function cfsslVersion(): string | undefined {
  try {
    const text = execFileSync('cfssl', ['version'], { encoding: 'utf8', timeout: START_TIMEOUT_MS });
    return /^Version:\s*(\S+)/m.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

export interface CfsslOptions {
  /** Where its files go. */
  readonly folder: string;
  readonly pinning: Pinning;
  readonly signal: AbortSignal;
}

export async function startCfssl({ folder, pinning, signal }: CfsslOptions): Promise<SigningServer> {
  const files = await writeAuthority(folder);
  const port = await freePort();
  const name = 'cfssl serve';
  const server = startProcess({
    name,
    command: pinning.onServerCore([
      'cfssl',
      ...['serve', '-address', '127.0.0.1', '-port', String(port), '-loglevel', LOG_LEVEL_ERROR],
      ...['-ca', files.certificate, '-ca-key', files.key, '-config', files.configuration],
    ]),
  });
  try {
    await untilListening(port, server, signal);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    name,
    devices: null,
    origin: `http://127.0.0.1:${port}`,
    ca: undefined,
    process: server,
    callFor: ({ csrPem }) => ({
      method: 'POST',
      path: '/api/v1/cfssl/sign',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ certificate_request: csrPem, profile: 'client' }),
    }),
    certificateIn: (body) => answerSchema.safeParse(JSON.parse(body)).data?.result.certificate,
    storedBytes: () => null,
  };
}

/** P-256, as Gatehouse's issuing CA. */
async function writeAuthority(folder: string) {
  const files = {
    certificate: join(folder, 'ca.pem'),
    key: join(folder, 'ca-key.pem'),
    configuration: join(folder, 'config.json'),
  };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const authority = {
    commonName: 'Benchmark CA',
    key: signingKeyOf(privateKey),
    validity: CA_VALIDITY_MS,
    now: Date.now(),
  };
  const { pem } = await issueRootCertificate(authority);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(files.certificate, pem);
  await writeFile(files.key, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.configuration, JSON.stringify(CONFIGURATION));
  return files;
}

/** It takes a port by number only; that another process takes this one first is possible, and ends the benchmark. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function untilListening(port: number, { failed }: ServerProcess, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  while (!(await Promise.race([accepts(port), failed])))
    await pause(ASK_AGAIN_MS, undefined, { signal: deadline });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
