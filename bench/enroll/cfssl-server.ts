/**
 * The peer: `cfssl serve` (https://github.com/cloudflare/cfssl) with a CA in files, signing over plain HTTP. It
 * checks the CSR's signature and signs, as Gatehouse does, but nobody has to show a token and nothing is stored.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { issueRootCertificate } from '../../core/pki/issue.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import type { Pinning } from '../harness/pinning.ts';
import { freePort, untilListening } from '../harness/ports.ts';
import { startProcess } from '../harness/server-process.ts';
import type { SigningServer } from './series.ts';

const CA_VALIDITY_MS = 86_400_000 * 365;
const VERSION_TIMEOUT_MS = 20_000;
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
    const text = execFileSync('cfssl', ['version'], { encoding: 'utf8', timeout: VERSION_TIMEOUT_MS });
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
