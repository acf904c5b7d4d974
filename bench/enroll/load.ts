/** One round of enrollments at one server, over connections that are kept or one for each. */
import { X509Certificate } from 'node:crypto';
import { Pool } from 'undici';
import { GatehouseError } from '../../core/errors.ts';
import { runClosedLoop, type Sample } from '../harness/closed-loop.ts';
import type { Series, SigningServer } from './series.ts';
import type { SigningRequest } from './signing-requests.ts';

const REQUEST_TIMEOUT_MS = 30_000;

export interface Load {
  readonly series: Series;
  readonly clients: number;
  readonly runIn: readonly SigningRequest[];
  readonly requests: readonly SigningRequest[];
  readonly signal: AbortSignal;
}

/** @throws GatehouseError `enrollment_failed` for an answer that is not a certificate for the key that was sent */
export async function measure({ series, clients, runIn, requests, signal }: Load): Promise<Sample> {
  const { server } = series;
  const pool = openPool(series, clients);
  const perform = async (signing: SigningRequest) => {
    const { statusCode, body } = await pool.request(server.callFor(signing));
    const text = await body.text();
    const certificate = statusCode < 300 ? server.certificateIn(text) : undefined;
    if (certificate === undefined) throw wrongAnswer(server, `${statusCode} ${text.slice(0, 500)}`);
    // Not each of them: the load would be busier with that than with anything else.
    if (signing === requests[0]) checkCertificate(server, signing, certificate);
  };
  try {
    return await runClosedLoop({ server: server.process, clients, runIn, jobs: requests, perform, signal });
  } finally {
    await pool.destroy();
  }
}

function openPool({ server, connections }: Series, clients: number): Pool {
  const tls = server.ca === undefined ? {} : { ca: server.ca, maxCachedSessions: 0 };
  return new Pool(server.origin, {
    connections: clients,
    // 0 has undici close a connection after its first answer.
    pipelining: connections === 'kept' ? 1 : 0,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
    connect: { timeout: REQUEST_TIMEOUT_MS, ...tls },
  });
}

function checkCertificate(server: SigningServer, signing: SigningRequest, pem: string): void {
  const { publicKey, subject } = new X509Certificate(pem);
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  if (key !== signing.publicKey || subject !== `CN=${signing.deviceId}`) {
    throw wrongAnswer(server, 'a certificate for another key or name');
  }
}

function wrongAnswer({ name }: SigningServer, answer: string): GatehouseError {
  return new GatehouseError('enrollment_failed', `${name} answered ${answer}`);
}
