/** Why a TLS handshake failed, in words for whoever looks after the device: OpenSSL's are for whoever knows its source. */

/** By the codes that Node makes of OpenSSL's errors and of the peer's alerts (RFC 8446 §6.2). */
const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: 'the client speaks plain HTTP, and no TLS',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'the client asks for another protocol (ALPN) than this port speaks',
  ERR_SSL_NO_SHARED_CIPHER: 'the client offers no cipher suite that is taken here',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the client refuses the server's certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "the client finds the server's certificate expired: its clock may be wrong",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "the client refuses the server's certificate",
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR:
    "the client finds a signature of the server's wrong: it may trust another root CA of the same name",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the client speaks no TLS version that is taken here',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the client does not trust Gatehouse's root CA",
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client speaks neither TLS 1.2 nor TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the client speaks no TLS: plain MQTT, perhaps',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it took too long',
};

export function describeHandshakeFailure({
  code = '',
  message,
  reason = message,
}: NodeJS.ErrnoException & { readonly reason?: string }): string {
  return REASONS[code] ?? reason;
}

/** Whether the peer just went away, as a port check does: nothing to warn of, and no mistake of anybody's. */
export function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET';
}
