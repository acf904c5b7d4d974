/**
 * All the certificates that a client sent in its TLS handshake. Node hands out those behind the first only once, to
 * whoever asks first (X509Certificate takes them off OpenSSL's list), so they are kept for as long as the connection
 * lasts. A resumed session has none of them: the listener that needs them resumes none. Node never frees what it took
 * off the list, so only those are asked for that lead to a trust anchor, and when they are to be judged: whoever has
 * no such certificate could fill memory by connecting.
 */
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { readPeerCertificate } from '../../runtime/peer-certificate.ts';
import type { FactoryPeer } from '../use-cases/identify-factory.ts';

/** More between a device and its root is nothing that manufacturers have, but something to fill memory with. */
const MAX_CHAIN = 8;
/** As OpenSSL calls it. */
const TOO_LONG: FactoryPeer = { chain: [], chainError: 'CERT_CHAIN_TOO_LONG' };

/** As much of a FastifyRequest as is looked at. */
interface PeerRequest {
  readonly raw: { readonly socket: unknown };
  readonly headers: { readonly authorization?: string | undefined };
}

export class PeerChains {
  readonly #peers = new WeakMap<TLSSocket, FactoryPeer | undefined>();

  /**
   * What this request may enroll by; undefined where its client showed no certificate, or sent an Authorization
   * header: then that is what it wants to be judged by.
   */
  factoryPeer({ raw: { socket }, headers }: PeerRequest): FactoryPeer | undefined {
    if (headers.authorization !== undefined || !(socket instanceof TLSSocket)) return undefined;
    if (!this.#peers.has(socket)) this.#peers.set(socket, readPeer(socket));
    return this.#peers.get(socket);
  }
}

function readPeer(socket: TLSSocket): FactoryPeer | undefined {
  const chainError = errorOf(socket);
  if (chainError !== null) return readPeerCertificate(socket) ? { chain: [], chainError } : undefined;
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  for (; next !== undefined && chain.length <= MAX_CHAIN; next = next.issuerCertificate) chain.push(next);
  if (chain.length === 0) return undefined;
  return chain.length > MAX_CHAIN ? TOO_LONG : { chain, chainError };
}

/** Whatever is not a plain yes counts as no. */
function errorOf({ authorized, authorizationError }: TLSSocket): string | null {
  return authorized ? null : String(authorizationError ?? 'not verified');
}
