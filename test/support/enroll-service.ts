/** A real enroll process's inside, in this process: a data folder of its own, free ports, real TLS. */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { pino } from 'pino';
import type { AwaitingResponse, EnrollResponse } from '../../core/api/enrollment.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { TokenCreated, TokenRequest } from '../../core/api/tokens.ts';
import type { Clock } from '../../core/clock.ts';
import { encodePem } from '../../core/pki/pem.ts';
import { buildCsr, type CsrOptions } from '../../device-sim/identity/csr.ts';
import { initialize } from '../../enroll/init.ts';
import { type EnrollAddresses, startEnroll } from '../../enroll/service.ts';
import { systemClock } from '../../runtime/clock.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { readSettings, type Settings } from '../../runtime/settings.ts';
import { Closers } from '../../runtime/shutdown.ts';
import { openCheapKeys } from './ca-keys.ts';
import { QUICK_CRLS } from './crl-publishing.ts';
import { exchange } from './http-exchange.ts';
import { buildListsHere } from './lists-here.ts';

/** What goes on by itself, at a pace for which nobody has to wait. */
const QUICK = { crlPace: QUICK_CRLS, settleTime: 100, pollInterval: 50 };

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Body;
}

export interface TestEnroll extends EnrollAddresses {
  readonly settings: Settings;
  readonly layout: ReturnType<typeof dataLayout>;
  readonly ca: string;
  readonly adminToken: string;
  /** Warnings and errors, oldest first. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** A call of the operator API; `path` begins behind /api/v1. */
  operator<Body>(method: Method, path: string, body?: unknown, token?: string | null): Promise<Answer<Body>>;
  createToken(terms?: TokenRequest): Promise<TokenCreated>;
  /** POST /v1/enroll with JSON; over mutual TLS where a factory certificate is given. */
  enroll(
    token: string | null,
    csrPem: string,
    identity?: ClientIdentity,
  ): Promise<Answer<EnrollResponse & Problem & Omit<AwaitingResponse, 'status'>>>;
  /** Any call, to either HTTPS listener or the status listener. */
  call<Body>(url: string, options?: CallOptions): Promise<Answer<Body>>;
  /** POST /v1/renew with JSON, over mutual TLS where a certificate is given. */
  renew(identity: ClientIdentity | null, csrPem: string): Promise<Answer<EnrollResponse & Problem>>;
  close(): Promise<void>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** PEM: what a client shows in the TLS handshake. */
export interface ClientIdentity {
  readonly key: string;
  readonly cert: string;
}

interface CallOptions {
  readonly method?: Method;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly identity?: ClientIdentity | null;
}

/** @param flags settings besides the folder and the free ports @param clock the server's */
export async function startTestEnroll(
  folder: string,
  flags: Readonly<Record<string, unknown>> = {},
  clock: Clock = systemClock,
): Promise<TestEnroll> {
  const settings = readSettings(
    {
      data: join(folder, 'data'),
      host: '127.0.0.1',
      hostname: 'localhost,127.0.0.1',
      enrollPort: 0,
      statusPort: 0,
      adminPort: 0,
      logLevel: 'silent',
      ...flags,
    },
    {},
  );
  const layout = dataLayout(settings.data);
  await initialize(settings, clock, false, openCheapKeys);
  return runTestEnroll(settings, layout, clock);
}

/** Starts on a data folder that is there already. */
export async function runTestEnroll(
  settings: Settings,
  layout: ReturnType<typeof dataLayout>,
  clock: Clock = systemClock,
): Promise<TestEnroll> {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const closers = new Closers();
  const options = { clock, openKeys: openCheapKeys, openListBuilder: buildListsHere, ...QUICK };
  const addresses = await startEnroll(settings, log, closers, options).catch(async (error: unknown) => {
    await closers.closeAll(log);
    throw error;
  });
  const ca = readFileSync(layout.rootCertificate, 'utf8');
  const adminToken = readFileSync(layout.operator.token, 'utf8').trim();
  const agent = new Agent({ ca, keepAlive: true });

  const service: TestEnroll = {
    ...addresses,
    settings,
    layout,
    log: lines,
    ca,
    adminToken,
    operator(method, path, body, token = adminToken) {
      const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
      return this.call(`${addresses.adminUrl}/api/v1${path}`, {
        method,
        headers: { ...authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    async createToken(terms = {}) {
      const { status, body } = await this.operator<TokenCreated>('POST', '/tokens', terms);
      if (status !== 201) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body;
    },
    enroll(token, csrPem, identity) {
      return this.call(`${addresses.enrollUrl}/v1/enroll`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ csr: csrPem }),
        ...(identity && { identity }),
      });
    },
    renew(identity, csrPem) {
      return this.call(`${addresses.enrollUrl}/v1/renew`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ csr: csrPem }),
        identity,
      });
    },
    async call<Body>(url: string, { method = 'GET', headers = {}, body, identity }: CallOptions = {}) {
      const own = identity && new Agent({ ca, ...identity });
      const answer = await exchange(url, { method, headers, body, agent: own ?? agent });
      const json = /[/+]json/.test(String(answer.headers['content-type'])) && answer.text !== '';
      return { ...answer, body: (json ? JSON.parse(answer.text) : answer.text) as Body };
    },
    async close() {
      agent.destroy();
      await closers.closeAll(log);
    },
  };
  return service;
}

export async function csrPem(options: CsrOptions): Promise<string> {
  return encodePem('CERTIFICATE REQUEST', await buildCsr(options));
}
