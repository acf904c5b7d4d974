/**
 * The load: a closed loop of clients, each of which sends its next request when it has the answer to the last. So
 * what is measured is the rate at which a server answers when it always has something to do.
 */
import { X509Certificate } from 'node:crypto';
import { Pool } from 'undici';
import { GatehouseError } from '../../core/errors.ts';
import type { Series, SigningServer } from './series.ts';
import type { SigningRequest } from './signing-requests.ts';

const REQUEST_TIMEOUT_MS = 30_000;

export interface Load {
  readonly series: Series;
  readonly clients: number;
  /** Sent before anything is timed, over the same connections where they are kept: open, and warm. */
  readonly runIn: readonly SigningRequest[];
  readonly requests: readonly SigningRequest[];
  readonly signal: AbortSignal;
}

/** One round of one series. */
export interface Sample {
  readonly perSecond: number;
  /** Processor time of the server, for one request. */
  readonly cpuMilliseconds: number;
  /** The share of the time in which the server had its core. */
  readonly serverBusy: number;
  /** The same of the load: near 1, it is the load that was measured. */
  readonly loadBusy: number;
  /** In ms, of each request. */
  readonly latencies: readonly number[];
}

/** @throws GatehouseError `enrollment_failed` for an answer that is not a certificate for the key that was sent */
export async function measure({ series, clients, runIn, requests, signal }: Load): Promise<Sample> {
  const { server } = series;
  const pool = openPool(series, clients);
  const send = (batch: readonly SigningRequest[]) => sendAll({ pool, server, clients, batch, signal });
  try {
    await send(runIn);
    const [usage, ownUsage, start] = [server.process.usage(), process.cpuUsage(), performance.now()];
    const latencies = await send(requests);
    const seconds = (performance.now() - start) / 1_000;
    const own = process.cpuUsage(ownUsage);
    const cpuSeconds = server.process.usage().cpuSeconds - usage.cpuSeconds;
    return {
      perSecond: requests.length / seconds,
      cpuMilliseconds: (cpuSeconds * 1_000) / requests.length,
      serverBusy: cpuSeconds / seconds,
      loadBusy: (own.user + own.system) / 1e6 / seconds,
      latencies,
    };
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

interface Batch {
  readonly pool: Pool;
  readonly server: SigningServer;
  readonly clients: number;
  readonly batch: readonly SigningRequest[];
  readonly signal: AbortSignal;
}

/** @returns the latency of each, in ms */
async function sendAll({ pool, server, clients, batch, signal }: Batch): Promise<number[]> {
  const latencies: number[] = [];
  const waiting = batch.values();
  const client = async () => {
    // All clients take from the one iterator.
    for (const signing of waiting) {
      signal.throwIfAborted();
      const start = performance.now();
      const { statusCode, body } = await pool.request(server.callFor(signing));
      const text = await body.text();
      latencies.push(performance.now() - start);
      const certificate = statusCode < 300 ? server.certificateIn(text) : undefined;
      if (certificate === undefined) throw wrongAnswer(server, `${statusCode} ${text.slice(0, 500)}`);
      // Not each of them: the load would be busier with that than with anything else.
      if (signing === batch[0]) checkCertificate(server, signing, certificate);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return latencies;
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
