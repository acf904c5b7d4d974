/** What Node's TLS servers have and its type declarations leave out. */
import type { SecureContext } from 'node:tls';

declare module 'tls' {
  interface Server {
    /** The context that connections get; replaced by `setSecureContext`. */
    readonly _sharedCreds: SecureContext;
  }
}
