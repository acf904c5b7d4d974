/**
 * HTTPS requests with deadlines, by what Node has in itself: to load a client of many abilities would take longer than
 * most commands do.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { pipeline, type Readable } from 'node:stream';

const CONNECT_TIMEOUT_MS = 5_000;
/** For which the server may send nothing, and take nothing. */
const IDLE_TIMEOUT_MS = 30_000;

export interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable | null;
}

export class HttpsTransport {
  readonly #agent: Agent;

  /** @param ca PEM of the only CAs that are trusted; undefined for those that Node trusts */
  constructor(ca: string | undefined) {
    this.#agent = new Agent({ keepAlive: true, timeout: IDLE_TIMEOUT_MS, ...(ca !== undefined && { ca }) });
  }

  /** Resolves with the head of the answer. Rejects with Node's own errors; its body does, where it breaks off. */
  send({ method, url, headers, body }: Outgoing): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(url, { agent: this.#agent, method, headers });
      const giveUp = (what: string) => outgoing.destroy(new Error(`${what} took too long`));
      const deadline = setTimeout(() => giveUp('connecting'), CONNECT_TIMEOUT_MS);
      outgoing.once('socket', (socket) => {
        if (socket.connecting) socket.once('secureConnect', () => clearTimeout(deadline));
        else clearTimeout(deadline);
      });
      outgoing.once('close', () => clearTimeout(deadline));
      outgoing.once('timeout', () => giveUp('the answer'));
      // After the head of an answer, that answer is what fails.
      outgoing.on('error', reject);
      outgoing.once('response', resolve);
      if (body === null || typeof body === 'string') outgoing.end(body);
      else pipeline(body, outgoing, () => {});
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
