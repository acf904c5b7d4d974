/** The last words to a peer that is refused. */
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../../core/errors.ts';

/** CONNACK return codes (MQTT 3.1.1 §3.2.2.3). */
const returnCode = { protocolVersion: 1, identifierRejected: 2, serverUnavailable: 3, notAuthorized: 5 };
const RETURN_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  protocol_version_unsupported: returnCode.protocolVersion,
  client_id_mismatch: returnCode.identifierRejected,
  session_limit: returnCode.identifierRejected,
  registry_unavailable: returnCode.serverUnavailable,
  session_store_failed: returnCode.serverUnavailable,
  session_store_damaged: returnCode.serverUnavailable,
  internal: returnCode.serverUnavailable,
};
/** What is not a CONNECT of MQTT gets no CONNACK [MQTT-3.1.4-1]; and who takes too many places is not kept to hear one. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set([
  'connection_limit',
  'connect_malformed',
  'connect_rate_exceeded',
  'connect_timeout',
  'packet_malformed',
  'packet_too_large',
]);
/** To a client of MQTT 5: CONNACK, reason 0x84 Unsupported Protocol Version, no properties (MQTT 5.0 §3.2). */
const UNSUPPORTED_TO_MQTT_5 = Buffer.from([0x20, 3, 0, 0x84, 0]);

/** The CONNACK for a refusal, or null where the connection is closed without a word. */
export function connackFor(rule: ErrorCode, protocolLevel: number): Buffer | null {
  if (UNANSWERED.has(rule)) return null;
  if (rule === 'protocol_version_unsupported' && protocolLevel === 5) return UNSUPPORTED_TO_MQTT_5;
  return Buffer.from([0x20, 2, 0, RETURN_CODES[rule] ?? returnCode.notAuthorized]);
}

/** Says `answer` and closes. What the peer still sends is thrown away, so that no reset overtakes the answer. */
export function sayFarewell(socket: Duplex, answer: Buffer | null, timeLimit: number): void {
  if (answer === null || socket.destroyed) {
    socket.destroy();
    return;
  }
  const deadline = setTimeout(() => socket.destroy(), timeLimit);
  socket.once('close', () => clearTimeout(deadline));
  socket.end(answer);
  socket.resume();
}

/** Resolves when the peer has sent something or gone, or `timeLimit` is over. What it sent is thrown away. */
export function untilPeerSpeaks(socket: Duplex, timeLimit: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(deadline);
      socket.off('data', done).off('close', done);
      resolve();
    };
    const deadline = setTimeout(done, timeLimit);
    socket.on('data', done).on('close', done).resume();
  });
}
