/**
 * Binding a request to the TLS connection it came through (RFC 7030 §3.5): a client may put what only the two ends
 * of its connection know into challengePassword, which the signature of the request covers.
 */
import { TLSSocket } from 'node:tls';
import { GatehouseError } from '../../core/errors.ts';
import type { CertificationRequest } from '../../core/pki/csr.ts';

/** RFC 9266 §2 */
const EXPORTER_LABEL = 'EXPORTER-Channel-Binding';
const EXPORTER_OCTETS = 32;

/**
 * A request without a challengePassword passes: whether to bind is the client's choice.
 * @throws GatehouseError `channel_binding_mismatch`
 */
export function checkChannelBinding(request: CertificationRequest, socket: unknown): void {
  const { challengePassword } = request.attributes;
  if (challengePassword === null) return;
  const binding = socket instanceof TLSSocket ? channelBinding(socket)?.toString('base64') : undefined;
  if (binding === undefined || !Buffer.from(binding).equals(challengePassword)) {
    throw new GatehouseError('channel_binding_mismatch');
  }
}

/** The server's end of tls-exporter (TLS 1.3) or tls-unique (TLS 1.2); undefined where it is not to be had. */
function channelBinding(socket: TLSSocket): Buffer | undefined {
  if (socket.getProtocol() === 'TLSv1.3') {
    return socket.exportKeyingMaterial(EXPORTER_OCTETS, EXPORTER_LABEL, Buffer.alloc(0));
  }
  // RFC 5929 §3.1: the first Finished message of the handshake. In a full one, and there are no others here, it is
  // the client's.
  return socket.getPeerFinished();
}
