/** Asking the OCSP responder of a running enroll process, byte by byte over HTTP. */
import { X509Certificate } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { parseCaCertificate } from '../../core/pki/certificate.ts';
import { sequence } from '../../core/pki/der.ts';
import type { Holder } from '../enrollment/renewing.ts';
import { certId, type NamedIssuer, type ReadResponse, readResponse, requestOf } from '../support/ocsp.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpCall {
  readonly method?: string;
  /** Sent as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** Without a client that puts paths in order, or adds a content type. */
export function call(
  base: string,
  { method = 'GET', path, headers = {}, body }: HttpCall,
): Promise<HttpAnswer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export const WAYS = ['GET', 'POST'] as const;
export type Way = (typeof WAYS)[number];

export function ask(statusUrl: string, way: Way, der: Buffer): Promise<HttpAnswer> {
  if (way === 'POST') {
    const headers = { 'content-type': 'application/ocsp-request' };
    return call(statusUrl, { method: 'POST', path: '/ocsp', headers, body: der });
  }
  return call(statusUrl, { path: `/ocsp/${encodeURIComponent(der.toString('base64'))}` });
}

export async function answerTo(statusUrl: string, way: Way, der: Buffer): Promise<ReadResponse> {
  return readResponse((await ask(statusUrl, way, der)).body);
}

export function issuerOf({ chain }: Pick<Holder, 'chain'>): NamedIssuer {
  return { certificate: parseCaCertificate(new X509Certificate(chain).raw) };
}

/** About this one certificate, without nonce. */
export function requestAbout(holder: Pick<Holder, 'chain' | 'serialNumber'>): Buffer {
  return requestOf([sequence(certId('sha256', BigInt(`0x${holder.serialNumber}`), issuerOf(holder)))]);
}
