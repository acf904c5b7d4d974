/**
 * All the certificates that a client sent in its TLS handshake. Node hands out those behind the first only once, to
 * whoever asks first (X509Certificate takes them off OpenSSL's list), so they are taken when a connection opens and
 * kept for as long as it lasts. A resumed session has none of them: the listener that needs them resumes none.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { FactoryPeer } from '../use-cases/identify-factory.ts';

export class PeerChains {
  readonly #peers = new WeakMap<object, FactoryPeer>();

  /** To be called once a connection is secure, before anybody asks for its peer. */
  take(socket: TLSSocket): void {
    const chain: X509Certificate[] = [];
    let next = socket.getPeerX509Certificate();
    for (; next !== undefined; next = next.issuerCertificate) chain.push(next);
    if (chain.length === 0) return;
    // Whatever is not a plain yes counts as no.
    const chainError = socket.authorized ? null : String(socket.authorizationError ?? 'not verified');
    this.#peers.set(socket, { chain, chainError });
  }

  /**
   * What this request may enroll by; undefined where its client showed no certificate, or sent an Authorization
   * header: then that is what it wants to be judged by.
   */
  factoryPeer({ raw: { socket }, headers }: FastifyRequest): FactoryPeer | undefined {
    return headers.authorization === undefined ? this.#peers.get(socket) : undefined;
  }
}
