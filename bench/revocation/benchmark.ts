/** The benchmark from start to end: a registry with revoked certificates, servers up, each measurement, the report. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import type { Sample } from '../harness/closed-loop.ts';
import { type EnrollProcess, startEnrollRole } from '../harness/gatehouse-process.ts';
import { openOperatorApi } from '../harness/operator-api.ts';
import { type Pinning, pinToCores } from '../harness/pinning.ts';
import type { Course } from '../harness/program.ts';
import { provideRegisteredData } from '../harness/registered-data.ts';
import { measureOcsp, type OcspServer } from './ocsp-load.ts';
import { opensslVersion, startOpensslResponder } from './openssl-responder.ts';
import { type OcspFindings, type Report, reportOn } from './report.ts';
import { measurePublication, measureRevocations } from './revocations.ts';
import { findSubjects, type Subjects } from './subjects.ts';

export interface BenchmarkOptions extends Course {
  readonly devices: number;
  /** Of them, before anything is measured. */
  readonly revoked: number;
  readonly rounds: number;
  /** OCSP requests in each round. */
  readonly requests: number;
  /** How many ask at one time. */
  readonly clients: number;
  /** Revocations, one after another. */
  readonly revocations: number;
  /** Times that a revocation is waited for in the lists. */
  readonly lists: number;
  /** A folder in which the filled data folder is kept for later runs. */
  readonly keep?: string;
}

/** How many certificates are asked about, again and again. */
const ASKED = 1_000;

export async function runRevocationBenchmark(options: BenchmarkOptions): Promise<Report> {
  const { devices, revoked, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  try {
    const pinning = pinToCores();
    const data = join(folder, 'gatehouse');
    say(
      `a registry of ${devices.toLocaleString('en-GB')} devices, ${revoked.toLocaleString('en-GB')} revoked …`,
    );
    await provideRegisteredData({ ...options, data });
    const subjects = await findSubjects(data, wantedOf(options));
    const ocsp = await measureOcspServers(options, { folder, data, pinning, subjects });
    say('revocations …');
    const revocation = await measureRevoking(options, { data, pinning, subjects });
    const { pinned } = pinning;
    return reportOn({ options, pinned, openssl: opensslVersion(), ocsp, ...revocation });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Half of them at most: the others are there to be revoked. */
function wantedOf({ devices, revoked, revocations, lists }: BenchmarkOptions) {
  const asked = Math.min(ASKED, Math.ceil(devices / 2));
  const share = Math.round((asked * revoked) / devices);
  return { standing: asked - share, revoked: share, toRevoke: revocations + lists };
}

interface Setting {
  readonly data: string;
  readonly pinning: Pinning;
  readonly subjects: Subjects;
}

/** In turn within each round, so that what the machine does besides meets both alike. */
async function measureOcspServers(
  options: BenchmarkOptions,
  setting: Setting & { readonly folder: string },
): Promise<readonly OcspFindings[]> {
  const { rounds, requests, clients, signal, say } = options;
  const { asked } = setting.subjects;
  const enroll = await startEnrollRole({ ...setting, signal });
  const servers: OcspServer[] = [gatehouseServer(enroll, setting.subjects)];
  try {
    const peer = await startPeer(options, setting);
    if (peer !== undefined) servers.push(peer);
    const findings = servers.flatMap((server) =>
      [false, true].map((nonce) => ({ server, nonce, samples: [] as Sample[] })),
    );
    for (let round = 1; round <= rounds; round += 1) {
      say(`OCSP, round ${round} of ${rounds} …`);
      for (const { server, nonce, samples } of findings) {
        samples.push(await measureOcsp({ server, asked, nonce, requests, clients, signal }));
      }
    }
    return findings.map(({ server: { name, process }, ...one }) => ({
      ...one,
      name,
      usage: process.usage(),
    }));
  } finally {
    await Promise.all(servers.map(({ process }) => process.stop()));
  }
}

function gatehouseServer({ process, statusUrl }: EnrollProcess, { issuer }: Subjects): OcspServer {
  const certificate = parseCaCertificate(issuer.der);
  return { name: 'Gatehouse', process, origin: statusUrl, path: '/ocsp', issuer: certificate };
}

async function startPeer(
  { devices, revoked, signal, say }: BenchmarkOptions,
  { folder, pinning, subjects }: Setting & { readonly folder: string },
): Promise<OcspServer | undefined> {
  if (opensslVersion() === undefined) {
    say('openssl is not installed: measuring without it');
    return undefined;
  }
  say('openssl ocsp with an index of as many …');
  const peer = await startOpensslResponder({
    folder: join(folder, 'openssl'),
    certificates: devices,
    revoked,
    asked: subjects.asked,
    pinning,
    signal,
  });
  return { name: 'openssl ocsp', path: '/', ...peer };
}

async function measureRevoking(options: BenchmarkOptions, { data, pinning, subjects }: Setting) {
  const { revocations, signal, say } = options;
  const { issuer, toRevoke } = subjects;
  const enroll = await startEnrollRole({ data, pinning, signal });
  try {
    const api = await openOperatorApi(enroll);
    const [first, rest] = [toRevoke.slice(0, revocations), toRevoke.slice(revocations)];
    const revoking = await measureRevocations({ enroll, api, devices: first, signal });
    say('lists …');
    const list = `/crl/${issuer.fingerprint}.crl`;
    const publication = await measurePublication({ enroll, api, devices: rest, signal }, list);
    const metrics = await api.metrics();
    await api.close();
    return { revoking, publication, metrics, usage: enroll.process.usage() };
  } finally {
    await enroll.process.stop();
  }
}
