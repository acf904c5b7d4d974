/** What is measured beside one another: a server, and how the load reaches it. */
import type { Dispatcher } from 'undici';
import type { ServerProcess } from '../harness/server-process.ts';
import type { SigningRequest } from './signing-requests.ts';

/** A server that signs, and the form in which it is asked and answers. */
export interface SigningServer {
  readonly name: string;
  /** Registered before the first enrollment; null where nothing is stored. */
  readonly devices: number | null;
  readonly origin: string;
  /** PEM of the trust anchor; undefined for plain HTTP. */
  readonly ca: string | undefined;
  readonly process: ServerProcess;
  callFor(request: SigningRequest): Dispatcher.RequestOptions;
  /** The certificate in a body that answers with success; undefined where there is none. */
  certificateIn(body: string): string | undefined;
  /** What it keeps on disk by now; null where nothing is stored. */
  storedBytes(): StoredBytes | null;
}

export interface StoredBytes {
  readonly registry: number;
  /** The write-ahead log beside it. */
  readonly log: number;
}

/** Kept for many requests, or one for each: with TLS, that is one full handshake for each. */
export type Connections = 'kept' | 'one a request';

export interface Series {
  readonly server: SigningServer;
  readonly connections: Connections;
  /** Measured in each round. */
  readonly requests: number;
}
