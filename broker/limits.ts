/** What a peer may cost the broker, in time, memory and number. Tests give shorter times. */
export interface BrokerLimits {
  /** ms for the TLS handshake. */
  readonly handshakeTime: number;
  /** ms for each step between the handshake and CONNACK: CONNECT, the registry, the hand-over to Aedes. */
  readonly admissionTime: number;
  /** ms that a peer that is refused may take, to speak first and then to go. */
  readonly refusalTime: number;
  /** Bytes of the whole CONNECT packet, a will included. */
  readonly connectBytes: number;
  /** Connections in all, whatever their state. */
  readonly connections: number;
  /** Sessions of one device: live ones and stored ones, one for each client id. */
  readonly sessionsPerDevice: number;
  /** ms that a subscriber which does not read may hold up those who publish to it. */
  readonly drainTime: number;
  /** ms that the journal may go unread before nobody is admitted any more. */
  readonly journalSilence: number;
}

export const defaultLimits: BrokerLimits = {
  handshakeTime: 10_000,
  admissionTime: 10_000,
  refusalTime: 2_000,
  connectBytes: 64 * 1024,
  connections: 50_000,
  sessionsPerDevice: 32,
  drainTime: 5_000,
  journalSilence: 5_000,
};
