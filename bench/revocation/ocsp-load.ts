/** One round of OCSP requests by POST, over connections that are kept for as long as the server keeps them. */
import { Pool } from 'undici';
import type { SerialNumber } from '../../core/ids.ts';
import type { CaCertificate } from '../../core/pki/certificate.ts';
import { runClosedLoop, type Sample } from '../harness/closed-loop.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { buildOcspRequest } from './ocsp-requests.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** An answer that says `successful` (RFC 6960 §4.2.1): a SEQUENCE of two octets of length, ENUMERATED 0. */
const SUCCESSFUL = Buffer.from('0a0100', 'hex');
const SUCCESSFUL_AT = 4;

export interface OcspServer {
  readonly name: string;
  readonly process: ServerProcess;
  readonly origin: string;
  readonly path: string;
  /** Of the certificates that it is asked about. */
  readonly issuer: CaCertificate;
}

export interface OcspLoad {
  readonly server: OcspServer;
  readonly asked: readonly SerialNumber[];
  /** With one, nothing can be answered from a cache. */
  readonly nonce: boolean;
  readonly requests: number;
  readonly clients: number;
  readonly signal: AbortSignal;
}

/** @throws for an answer that is no success */
export async function measureOcsp({
  server,
  asked,
  nonce,
  requests,
  clients,
  signal,
}: OcspLoad): Promise<Sample> {
  const { name, origin, path, issuer } = server;
  const pool = new Pool(origin, {
    connections: clients,
    pipelining: 1,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
  });
  const headers = { 'content-type': 'application/ocsp-request' };
  const about = (place: number) => {
    const serialNumber = asked[place % asked.length];
    if (serialNumber === undefined) throw new Error('There is no certificate to ask about');
    return buildOcspRequest({ issuer, serialNumber }, nonce);
  };
  const perform = async (request: Uint8Array) => {
    const { statusCode, body } = await pool.request({ method: 'POST', path, headers, body: request });
    const answer = Buffer.from(await body.arrayBuffer());
    const successful = answer.subarray(SUCCESSFUL_AT, SUCCESSFUL_AT + SUCCESSFUL.length).equals(SUCCESSFUL);
    if (statusCode !== 200 || !successful) {
      const start = answer.subarray(0, 16).toString('hex');
      throw new Error(`${name} answered ${statusCode} with ${start}`);
    }
  };
  try {
    return await runClosedLoop({
      server: server.process,
      clients,
      // Once about each: what can be kept is kept by then.
      runIn: asked.map((_serialNumber, place) => about(place)),
      jobs: Array.from({ length: requests }, (_none, place) => about(place)),
      perform,
      signal,
    });
  } finally {
    await pool.destroy();
  }
}
