/**
 * A listener's TLS material: its own key and certificate from a file, and what OCSP says of that from another; the trust
 * anchors from whoever keeps them.
 */
import { constants } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type Server, type TlsOptions } from 'node:tls';
import type { Logger } from './log.ts';
import { type StapleFile, staple } from './stapling.ts';
import { SESSION_LIFETIME_S, type TicketKeys } from './ticket-keys.ts';

const POLL_MS = 1_000;
/**
 * Sessions are resumed by those who made them alone (RFC 5077 §5.6). Node's own default comes from the command line, and a
 * restart with another one would resume none.
 */
const SESSION_CONTEXT = 'gatehouse';

export interface SecureContextOptions {
  /** PEM: private key, certificate and chain, replaced at one stroke when enroll renews them. */
  readonly file: string;
  /** PEM of the CA certificates that clients are verified by; absent where none is asked for a certificate. */
  readonly trustAnchors?: () => Promise<readonly string[]>;
  /**
   * Each anchor is trusted by itself, so the path from a certificate ends at the first one: with issuing CAs among them, the
   * root's signature is verified in no handshake. Where a Node cannot be told so, paths go on to the root.
   */
  readonly endAtAnyAnchor?: boolean;
  /**
   * Absent where TLS sessions are not resumed; a resumed one tells of the peer's certificate alone, without its chain, and
   * nothing of it is verified again: whoever takes one in asks the registry.
   */
  readonly ticketKeys?: TicketKeys;
  /** Absent where nothing is stapled. */
  readonly staple?: StapleFile;
  /** ms between looks at the files; a second where absent. */
  readonly pollInterval?: number | undefined;
  readonly log: Logger;
}

export class SecureContextSource {
  readonly #options: SecureContextOptions;
  #reloading: Promise<void> = Promise.resolve();

  constructor(options: SecureContextOptions) {
    this.#options = options;
  }

  /** Rejects where the file is not there, or key and certificate do not belong together. */
  async read(): Promise<TlsOptions> {
    const { file, trustAnchors, ticketKeys } = this.#options;
    const pem = await readFile(file);
    const ca = [...((await trustAnchors?.()) ?? [])];
    const context: TlsOptions = {
      key: pem,
      cert: pem,
      ca,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      // Who a peer is has been decided by then.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (ticketKeys ? 0 : constants.SSL_OP_NO_TICKET),
      // Without tickets there are sessions that the server keeps, and Node's server keeps none unless it is told to.
      ...(ticketKeys && {
        ticketKeys: ticketKeys.current,
        sessionTimeout: SESSION_LIFETIME_S,
        sessionIdContext: SESSION_CONTEXT,
      }),
    };
    createSecureContext(context);
    return context;
  }

  /**
   * Takes what is there now into service, without dropping anyone. What cannot be read changes nothing. One at a time,
   * so that what was read last is what is served.
   */
  reload(server: Server): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(server));
    return this.#reloading;
  }

  async #reload(server: Server): Promise<void> {
    const { file, log } = this.#options;
    try {
      server.setSecureContext(await this.read());
      this.#furnish(server);
      log.info({ file }, 'server certificate and trust anchors were reloaded');
    } catch (error) {
      log.error({ err: error, file }, 'the server certificate could not be read; the last one is served');
    }
  }

  /** What `tls.Server` passes on to no context that it makes. */
  #furnish(server: Server): void {
    const { ticketKeys, endAtAnyAnchor = false } = this.#options;
    ticketKeys?.serve(server);
    const context: { setAllowPartialTrustChain?: () => void } = server._sharedCreds.context;
    if (endAtAnyAnchor) context.setAllowPartialTrustChain?.();
  }

  /** For a server that was made with what `read` gave, before it listens. Returns the function that ends it. */
  watch(server: Server): () => void {
    const { file, staple: stapleFile, pollInterval: interval = POLL_MS, log } = this.#options;
    this.#furnish(server);
    const onChange = () => void this.reload(server);
    watchFile(file, { interval, persistent: false }, onChange);
    const endStapling = stapleFile && staple(server, { ...stapleFile, interval, log });
    return () => {
      unwatchFile(file, onChange);
      endStapling?.();
    };
  }
}
