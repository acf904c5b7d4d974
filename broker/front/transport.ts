/** How a peer that TLS has let through is spoken to: MQTT on the TLS connection itself, or in a WebSocket on it. */
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ErrorCode } from '../../core/errors.ts';
import type { Arrival } from '../sessions/arrival.ts';

export interface Transport {
  /** Whose certificate counts, and what everything ends with. */
  readonly socket: TLSSocket;
  /** What carries MQTT's bytes; null until `open` has found that there is such a thing. */
  readonly stream: Duplex | null;
  /** Resolves with `stream`, of which nothing has been read. Rejects with `websocket_refused`, or with the reason for which `arrival` ends. */
  open(arrival: Arrival): Promise<Duplex>;
  /** What is said to a peer that is refused while there is no stream yet. */
  refusal(rule: ErrorCode): Buffer;
}

/** MQTT on the TLS connection itself. */
export function plainTransport(socket: TLSSocket): Transport {
  return {
    socket,
    stream: socket,
    open: () => Promise.resolve(socket),
    refusal: () => Buffer.alloc(0),
  };
}
