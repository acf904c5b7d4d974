/** What both of the device's connections, HTTPS and MQTT, show and trust. */
import { createSecureContext, type SecureContext } from 'node:tls';

export interface Credentials {
  /** PEM of the private key. */
  readonly key: string;
  /** PEM of the certificate and those between it and the root. */
  readonly chain: string;
}

export interface TlsIdentity {
  /** PEM of the CA that the server's certificate must lead to. */
  readonly ca: string;
  /** Absent: the client shows no certificate. */
  readonly credentials?: Credentials;
  /** Of both, where it was made before: to parse them costs as much as the handshake. */
  readonly secureContext?: SecureContext;
}

/** As `tls.connect` takes them. */
export function tlsOptions({ secureContext, ...identity }: TlsIdentity) {
  return secureContext === undefined ? contextOptions(identity) : { secureContext };
}

export function makeSecureContext(identity: Omit<TlsIdentity, 'secureContext'>): SecureContext {
  return createSecureContext(contextOptions(identity));
}

function contextOptions({ ca, credentials }: Omit<TlsIdentity, 'secureContext'>) {
  return { ca, ...(credentials && { key: credentials.key, cert: credentials.chain }) };
}
