/**
 * The peer: `openssl ocsp` as a server over an index with the same serial numbers, the same of them revoked. It signs
 * with the CA's own key, P-256 as Gatehouse's responder, and closes each connection after its answer.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import type { SerialNumber } from '../../core/ids.ts';
import { type CaCertificate, parseCaCertificate } from '../../core/pki/certificate.ts';
import { issueRootCertificate } from '../../core/pki/issue.ts';
import { randomSerialNumber } from '../../core/pki/serial-number.ts';
import { signingKeyOf } from '../../core/pki/signer.ts';
import type { Pinning } from '../harness/pinning.ts';
import { freePort } from '../harness/ports.ts';
import { type ServerProcess, startProcess } from '../harness/server-process.ts';
import { buildOcspRequest } from './ocsp-requests.ts';

const VERSION_TIMEOUT_MS = 20_000;
/** It reads the whole of its index first. */
const START_TIMEOUT_MS = 120_000;
const ASK_AGAIN_MS = 100;
const YEAR_MS = 365 * 86_400_000;

export interface OpensslResponder {
  readonly process: ServerProcess;
  readonly origin: string;
  readonly issuer: CaCertificate;
}

export interface OpensslResponderOptions {
  /** Where its files go. */
  readonly folder: string;
  /** How many certificates its index has, `asked` among them, and how many of them are revoked. */
  readonly certificates: number;
  readonly revoked: number;
  readonly asked: readonly SerialNumber[];
  readonly pinning: Pinning;
  readonly signal: AbortSignal;
}

/** Undefined where it is not installed. */
export function opensslVersion(): string | undefined {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8', timeout: VERSION_TIMEOUT_MS }).trim();
  } catch {
    return undefined;
  }
}

export async function startOpensslResponder(options: OpensslResponderOptions): Promise<OpensslResponder> {
  const { folder, pinning, signal } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { issuer, files } = await writeAuthority(folder);
  const index = join(folder, 'index.txt');
  await pipeline(Readable.from(indexLines(options)), createWriteStream(index));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const server = startProcess({
    name: 'openssl ocsp',
    command: pinning.onServerCore([
      'openssl',
      ...['ocsp', '-index', index, '-port', String(port), '-ndays', '1', '-ignore_err'],
      ...['-CA', files.certificate, '-rsigner', files.certificate, '-rkey', files.key],
    ]),
  });
  try {
    await untilAnswering(server, { origin, issuer, signal });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { process: server, origin, issuer };
}

/** By requests that make sense: of a connection that brings none, version 3.0 never comes back. */
async function untilAnswering(
  { failed }: ServerProcess,
  { origin, issuer, signal }: Pick<OpensslResponder, 'origin' | 'issuer'> & { readonly signal: AbortSignal },
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  const body = buildOcspRequest({ issuer, serialNumber: randomSerialNumber() }, false);
  const headers = { 'content-type': 'application/ocsp-request' };
  const answers = async (): Promise<boolean> => {
    try {
      const answer = await request(origin, { method: 'POST', headers, body, reset: true, signal: deadline });
      await answer.body.dump();
      return true;
    } catch {
      return false;
    }
  };
  while (!(await Promise.race([answers(), failed])))
    await pause(ASK_AGAIN_MS, undefined, { signal: deadline });
}

async function writeAuthority(folder: string) {
  const files = { certificate: join(folder, 'ca.pem'), key: join(folder, 'ca-key.pem') };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = signingKeyOf(privateKey);
  const authority = { commonName: 'Benchmark CA', key, validity: YEAR_MS, now: Date.now() };
  const { pem, der } = await issueRootCertificate(authority);
  await writeFile(files.certificate, pem);
  await writeFile(files.key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { issuer: parseCaCertificate(der), files };
}

/** As `openssl ca` keeps it: status, expiry, revocation with its reason, serial number, file, subject. */
function* indexLines({ certificates, revoked, asked }: OpensslResponderOptions): Generator<string> {
  const now = Date.now();
  const [expiry, since] = [timeOf(now + YEAR_MS / 4), timeOf(now)];
  for (let place = 0; place < certificates; place += 1) {
    const serialNumber = asked[place] ?? randomSerialNumber();
    const isRevoked = place % Math.ceil(certificates / Math.max(1, revoked)) === 0 && revoked > 0;
    const [status, revocation] = isRevoked ? ['R', `${since},keyCompromise`] : ['V', ''];
    yield `${[status, expiry, revocation, serialNumber, 'unknown', `/CN=device-${place}`].join('\t')}\n`;
  }
}

/** YYMMDDHHMMSSZ */
function timeOf(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`;
}
