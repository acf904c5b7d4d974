/** Why a TLS handshake failed, in words for whoever looks after the device: OpenSSL's are for whoever knows its source. */

/** The kinds that are counted. A fixed set: what a stranger sends makes no new one. */
export const handshakeFailureKinds = [
  /** The peer went away, as a port check does, or a client that distrusts the server and says nothing. */
  'gone',
  'timeout',
  /** It speaks something else than TLS. */
  'no_tls',
  /** It refuses the server's certificate, or what is signed with it. */
  'server_distrusted',
  /** No version, cipher suite or protocol (ALPN) that both sides have. */
  'no_common_ground',
  'other',
] as const;
export type HandshakeFailureKind = (typeof handshakeFailureKinds)[number];

/** By the codes that Node makes of OpenSSL's errors and of the peer's alerts (RFC 8446 §6.2). */
const REASONS: Readonly<Record<string, readonly [HandshakeFailureKind, detail: string]>> = {
  ERR_SSL_HTTP_REQUEST: ['no_tls', 'the client speaks plain HTTP, and no TLS'],
  ERR_SSL_NO_APPLICATION_PROTOCOL: [
    'no_common_ground',
    'the client asks for another protocol (ALPN) than this port speaks',
  ],
  ERR_SSL_NO_SHARED_CIPHER: ['no_common_ground', 'the client offers no cipher suite that is taken here'],
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ['server_distrusted', "the client refuses the server's certificate"],
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: [
    'server_distrusted',
    "the client finds the server's certificate expired: its clock may be wrong",
  ],
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: [
    'server_distrusted',
    "the client refuses the server's certificate",
  ],
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: [
    'server_distrusted',
    "the client finds a signature of the server's wrong: it may trust another root CA of the same name",
  ],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: [
    'no_common_ground',
    'the client speaks no TLS version that is taken here',
  ],
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ['server_distrusted', "the client does not trust Gatehouse's root CA"],
  ERR_SSL_UNSUPPORTED_PROTOCOL: ['no_common_ground', 'the client speaks neither TLS 1.2 nor TLS 1.3'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['no_tls', 'the client speaks no TLS: plain MQTT, perhaps'],
  ERR_TLS_HANDSHAKE_TIMEOUT: ['timeout', 'it took too long'],
};

export interface HandshakeFailure {
  readonly kind: HandshakeFailureKind;
  readonly detail: string;
}

export function describeHandshakeFailure(
  error: NodeJS.ErrnoException & { readonly reason?: string },
): HandshakeFailure {
  const { code = '', message, reason = message } = error;
  const known = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  const [kind, detail] = known ?? [isGone(error) ? 'gone' : 'other', reason];
  return { kind, detail };
}

/** Whether the peer just went away, as a port check does: nothing to warn of, and no mistake of anybody's. */
export function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET';
}
