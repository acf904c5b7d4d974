/**
 * The bytes in a WebSocket's binary frames, which need not end where packets do [MQTT-6.0.0-2]. Back-pressure both ways:
 * what is not read stays in the socket, and what is written goes out as one frame for all that has been waiting.
 */
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { Allowance } from './allowance.ts';

type Callback = (error?: Error | null) => void;

/** Of ws: the peer went without a closing handshake (RFC 6455 §7.1.5). */
const ABNORMAL = 1006;
const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;
const POLICY_VIOLATION = 1008;
/** Frames that carry nothing, pings above all: no message counts them, so they are counted here. */
const EMPTY_FRAMES_PER_SECOND = 5;
/** ms from the closing frame to the end of the connection, where the peer does not end it. */
const FAREWELL_MS = 2_000;
/** Frames that may be under way while the peer is told of its violation. With more of them it has no ear for it. */
const LATE_FRAMES = 1_000;
/** A ping is not answered while so many bytes wait for a peer that does not read (RFC 6455 §5.5.3 lets the last one do). */
const PONG_BACKLOG_BYTES = 16 * 1_024;

export interface WebSocketStreamOptions {
  /** Opened without an automatic pong; nothing has listened to it yet. */
  readonly webSocket: WebSocket;
  /** The peer sent what it may not, and is being told so. */
  readonly onViolation: (detail: string) => void;
}

export class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket;
  readonly #onViolation: (detail: string) => void;
  readonly #emptyFrames = new Allowance(EMPTY_FRAMES_PER_SECOND);

  constructor({ webSocket, onViolation }: WebSocketStreamOptions) {
    super();
    this.#webSocket = webSocket;
    this.#onViolation = onViolation;
    webSocket
      .on('message', (data: Buffer, isBinary: boolean) => this.#take(data, isBinary))
      .on('ping', (data: Buffer) => {
        this.#countEmpty();
        if (webSocket.bufferedAmount <= PONG_BACKLOG_BYTES) webSocket.pong(data);
      })
      .on('pong', () => this.#countEmpty())
      .on('error', (error) => {
        onViolation(error.message); // ws tells the peer
        this.#endSoon();
      })
      .once('close', (code: number) => {
        if (code === ABNORMAL) this.destroy();
        else this.push(null);
        this.end();
      });
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    // Where it fails the connection is closed, and that is no error to anybody here.
    this.#webSocket.send(chunk, () => callback());
  }

  override _writev(pieces: { readonly chunk: Buffer }[], callback: Callback): void {
    this._write(Buffer.concat(pieces.map(({ chunk }) => chunk)), 'binary', callback);
  }

  override _final(callback: Callback): void {
    this.#webSocket.close(NORMAL);
    callback();
  }

  override _destroy(_error: Error | null, callback: Callback): void {
    this.#webSocket.terminate();
    callback();
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (!isBinary)
      this.#violate(UNSUPPORTED_DATA, 'a text frame; MQTT goes in binary ones'); // [MQTT-6.0.0-1]
    else if (data.length === 0) this.#countEmpty();
    else if (!this.push(data)) this.#webSocket.pause();
  }

  #countEmpty(): void {
    const now = performance.now();
    if (!this.#emptyFrames.isLeft(now)) this.#violate(POLICY_VIOLATION, 'too many frames that carry nothing');
    else this.#emptyFrames.spend(now);
  }

  #violate(code: number, detail: string): void {
    this.#onViolation(detail);
    let late = 0;
    const countLate = () => {
      late++;
      if (late > LATE_FRAMES) this.destroy();
    };
    for (const event of ['message', 'ping', 'pong']) {
      this.#webSocket.removeAllListeners(event).on(event, countLate);
    }
    this.#webSocket.close(code, detail);
    this.#endSoon();
  }

  /** The peer is told why, and has this long to hear it. */
  #endSoon(): void {
    setTimeout(() => this.destroy(), FAREWELL_MS).unref();
  }
}
