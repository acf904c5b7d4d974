/**
 * A listener's TLS material: its own key and certificate from a file, and what OCSP says of that from another; the trust
 * anchors from whoever keeps them.
 */
import { constants, randomBytes } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type Server, type TlsOptions } from 'node:tls';
import type { Logger } from './log.ts';
import { type StapleFile, staple } from './stapling.ts';

const POLL_MS = 1_000;
const TICKET_KEY_BYTES = 48;

export interface SecureContextOptions {
  /** PEM: private key, certificate and chain, replaced at one stroke when enroll renews them. */
  readonly file: string;
  /** PEM of the CA certificates that clients are verified by; absent where none is asked for a certificate. */
  readonly trustAnchors?: () => Promise<readonly string[]>;
  /** Whether TLS sessions may be resumed; a resumed one tells of the peer's certificate alone, without its chain. */
  readonly resumption?: boolean;
  /** Absent where nothing is stapled. */
  readonly staple?: StapleFile;
  readonly log: Logger;
}

export class SecureContextSource {
  readonly #options: SecureContextOptions;
  /** The same over every reload, or each would cost the whole fleet a full handshake at its next connect. */
  readonly #ticketKeys = randomBytes(TICKET_KEY_BYTES);
  #reloading: Promise<void> = Promise.resolve();

  constructor(options: SecureContextOptions) {
    this.#options = options;
  }

  /** Rejects where the file is not there, or key and certificate do not belong together. */
  async read(): Promise<TlsOptions> {
    const { file, trustAnchors, resumption = true } = this.#options;
    const pem = await readFile(file);
    const ca = [...((await trustAnchors?.()) ?? [])];
    const context: TlsOptions = {
      key: pem,
      cert: pem,
      ca,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      // Who a peer is has been decided by then.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (resumption ? 0 : constants.SSL_OP_NO_TICKET),
      // Without tickets there are sessions that the server keeps, and Node's server keeps none unless it is told to.
      ...(resumption && { ticketKeys: this.#ticketKeys }),
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
      log.info({ file }, 'server certificate and trust anchors were reloaded');
    } catch (error) {
      log.error({ err: error, file }, 'the server certificate could not be read; the last one is served');
    }
  }

  /** Reloads and staples whenever the files change. Returns the function that ends it. */
  watch(server: Server): () => void {
    const { file, staple: stapleFile, log } = this.#options;
    const onChange = () => void this.reload(server);
    watchFile(file, { interval: POLL_MS, persistent: false }, onChange);
    const endStapling = stapleFile && staple(server, { ...stapleFile, log });
    return () => {
      unwatchFile(file, onChange);
      endStapling?.();
    };
  }
}
