/**
 * All the certificates that a client sent in its TLS handshake. Node hands out those behind the first only once, to
 * whoever asks first (X509Certificate takes them off OpenSSL's list), so they are taken when a connection opens and
 * kept for as long as it lasts. A resumed session has none of them: the listener that needs them resumes none.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { FactoryPeer } from '../use-cases/enrolling/identify-factory.ts';

/** More between a device and its root is nothing that manufacturers have, but something to fill memory with. */
const MAX_CHAIN = 8;
/** As OpenSSL calls it. */
const TOO_LONG: FactoryPeer = { chain: [], chainError: 'CERT_CHAIN_TOO_LONG' };

export class PeerChains {
  readonly #peers = new WeakMap<object, FactoryPeer>();

  /** To be called once a connection is secure, before anybody asks for its peer. */
  take(socket: TLSSocket): void {
    const chain: X509Certificate[] = [];
    let next = socket.getPeerX509Certificate();
    for (; next !== undefined && chain.length <= MAX_CHAIN; next = next.issuerCertificate) chain.push(next);
    if (chain.length === 0) return;
    this.#peers.set(socket, chain.length > MAX_CHAIN ? TOO_LONG : { chain, chainError: errorOf(socket) });
  }

  /**
   * What this request may enroll by; undefined where its client showed no certificate, or sent an Authorization
   * header: then that is what it wants to be judged by.
   */
  factoryPeer({ raw: { socket }, headers }: FastifyRequest): FactoryPeer | undefined {
    return headers.authorization === undefined ? this.#peers.get(socket) : undefined;
  }
}

/** Whatever is not a plain yes counts as no. */
function errorOf({ authorized, authorizationError }: TLSSocket): string | null {
  return authorized ? null : String(authorizationError ?? 'not verified');
}
