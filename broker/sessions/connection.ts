/**
 * One connection of a device, from the moment its certificate is verified to its end. It arrives, is admitted
 * (it has a standing), is attached (Aedes serves it), and is gone: it has left, and soon its socket is closed.
 */
import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import { type ErrorCode, GatehouseError } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { VerifiedPeer } from '../../runtime/peer-certificate.ts';
import type { Standing } from '../admission/standing.ts';
import { Arrival } from './arrival.ts';

/** What an arrival ends with when the peer left by itself: nothing that anybody needs to be told. */
export class PeerGone extends Error {
  override readonly name = 'PeerGone';
}

const UNREAD = Buffer.alloc(1);
/** ms from a cut on that one which had not arrived may take to hear that it is refused, and to go. */
const REFUSAL_MS = 500;

export interface ConnectionOptions {
  readonly socket: Duplex;
  readonly peer: VerifiedPeer;
  /** IP address, for the log. */
  readonly address: string;
  /** As Node names it, such as `TLSv1.3`. */
  readonly tlsVersion?: string | null;
}

export class Connection {
  readonly socket: Duplex;
  readonly peer: VerifiedPeer;
  readonly address: string;
  readonly tlsVersion: string | null;
  /** What carries MQTT's bytes: the socket, unless they are in something else on it. */
  stream: Duplex;
  /** Once CONNECT has been read. */
  clientId: string | null = null;
  /** Replaced whenever group, attributes or policy of the device change. */
  standing: Standing | null = null;
  /** Ends early where the connection does before it is attached, with the reason for it. */
  readonly arrival = new Arrival();
  readonly #gone: Promise<void>;
  #resolveGone: () => void = () => {};
  #client: Client | null = null;
  #endedBy: ErrorCode | null = null;
  #isCut = false;
  #hasLeft = false;

  constructor({ socket, peer, address, tlsVersion = null }: ConnectionOptions) {
    this.socket = socket;
    this.stream = socket;
    this.peer = peer;
    this.address = address;
    this.tlsVersion = tlsVersion;
    this.#gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    socket.on('close', () => {
      if (this.#client !== null) return;
      this.arrival.end(new PeerGone());
      this.#leave();
    });
  }

  get device(): DeviceId {
    return this.peer.device;
  }

  get client(): Client | null {
    return this.#client;
  }

  /** The rule by which the broker ended it; null while it stands, or where the peer left. */
  get endedBy(): ErrorCode | null {
    return this.#endedBy;
  }

  /** Its right to be here has ended: nothing that it sent or waits for counts any more. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Resolves when Aedes, too, has let go of it. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  /** Whether it is gone. What was written for it before may still be on its way, and its socket open for that long. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** From now on Aedes serves it. @param gone resolves when Aedes has let go of `client` */
  attach(client: Client, gone: Promise<void>): void {
    this.#client = client;
    void gone.then(() => this.#leave());
  }

  /**
   * Ends it because its right to be here has ended: the peer hears of it at once, nothing passes any more in either
   * direction, and its will is not published, even where it was about to end anyway. What it holds is freed by
   * `release`, which takes several times as long. False where it had been cut before.
   */
  cut(rule: ErrorCode): boolean {
    if (this.#isCut) return false;
    this.#isCut = true;
    this.#end(rule);
    if (this.#hasLeft) this.socket.destroy();
    else if (this.#client === null) this.#destroyIn(REFUSAL_MS);
    else this.#silence(this.#client);
    return true;
  }

  #silence(client: Client): void {
    // Both: Aedes moves the one to the other while it works on CONNECT.
    client.will = null;
    client._will = null;
    client.pause();
    this.#holdEnd();
    this.socket.end();
  }

  /** Whoever receives it refuses it meanwhile, or has done so for another reason. */
  #destroyIn(milliseconds: number): void {
    const timer = setTimeout(() => this.socket.destroy(), milliseconds).unref();
    this.socket.once('close', () => clearTimeout(timer));
  }

  /**
   * What lies there unread keeps the socket from closing by itself once the peer has answered: hundreds that do so in one
   * turn, each with TLS state to free, would hold everybody up.
   */
  #holdEnd(): void {
    this.socket.pause();
    if (!this.socket.readableEnded) this.socket.unshift(UNREAD);
  }

  /** After `cut`: Aedes lets go of it, and the socket is closed even where the peer does not answer. */
  release(): void {
    this.#client?.close();
    this.#client?.conn.destroy();
    this.socket.destroy();
  }

  /** Ends it for what it did, or for another session of its id: to others it was lost, so its will is published. */
  dismiss(rule: ErrorCode): boolean {
    if (!this.#end(rule)) return false;
    this.#client?.close();
    return true;
  }

  #leave(): void {
    this.#hasLeft = true;
    this.#resolveGone();
  }

  #end(rule: ErrorCode): boolean {
    if (this.#endedBy !== null) return false;
    this.#endedBy = rule;
    // Once it is attached nobody waits for its arrival, and an error of each of thousands would cost as much as its socket.
    if (this.#client === null) this.arrival.end(new GatehouseError(rule));
    return true;
  }
}
