/**
 * The keys that TLS session tickets are sealed with (RFC 5077 §4, RFC 8446 §4.6.1): kept in a file, so that a fleet
 * resumes its sessions after a restart too, and a new one each day, while the earlier ones still open what they sealed.
 *
 * Node's `ticketKeys` is one key alone: with it each rotation would cost every device a full handshake. OpenSSL asks for
 * a key by its name, and Node hands that question on by a hook that its own tests use and its manual does not name. Where
 * a Node has no such hook, `ticketKeys` serves: a ticket is then good until the key after its own is taken into service.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:tls';
import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { writeFileAtomic } from './atomic-file.ts';
import type { Logger } from './log.ts';

/** Seconds after which a session is not resumed any more: the most that RFC 8446 §4.6.1 allows. */
export const SESSION_LIFETIME_S = 7 * 24 * 60 * 60;
const ROTATION_MS = 24 * 60 * 60_000;
/** The last ticket under a key is sealed when the next key comes, and good for one lifetime from then. */
const KEPT_MS = ROTATION_MS + SESSION_LIFETIME_S * 1_000;
/** How often it is looked at the clock; as often, a key that could not be written is tried again. */
const CHECK_MS = 60 * 60_000;

/** Name, HMAC-SHA-256 key and AES-128-CBC key, of 16 bytes each, as Node's `ticketKeys` has them. */
const KEY_BYTES = 48;
const PART_BYTES = 16;
const MAX_KEYS = 1 + KEPT_MS / ROTATION_MS;

const fileSchema = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        /** ms since the epoch. */
        createdAt: z.number().int(),
        key: z.base64().refine((text) => Buffer.from(text, 'base64').length === KEY_BYTES),
      }),
    )
    .max(MAX_KEYS),
});

interface TicketKey {
  readonly createdAt: number;
  readonly bytes: Buffer;
  /** Its parts. */
  readonly name: Buffer;
  readonly hmac: Buffer;
  readonly aes: Buffer;
}

export interface TicketKeysOptions {
  /** Readable by its owner alone: whoever knows a key can make tickets, and so resume sessions that never were. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TicketKeys {
  readonly #options: TicketKeysOptions;
  /** Newest first; never empty. */
  #keys: readonly [TicketKey, ...TicketKey[]];
  #isWritten = false;

  private constructor(options: TicketKeysOptions, keys: readonly TicketKey[]) {
    this.#options = options;
    const [newest, ...others] = keys;
    this.#isWritten = newest !== undefined;
    this.#keys = [newest ?? newKey(options.clock.now()), ...others];
  }

  /** Those of the file; new ones where it is missing or cannot be used, which costs a full handshake each device. */
  static async open(options: TicketKeysOptions): Promise<TicketKeys> {
    const keys = new TicketKeys(options, await readKeys(options));
    await keys.rotate();
    return keys;
  }

  /** For Node's `ticketKeys`. */
  get current(): Buffer {
    return this.#keys[0].bytes;
  }

  /** Makes a new key where the newest has had its time, and forgets those whose tickets have all lapsed. Never rejects. */
  async rotate(): Promise<void> {
    const now = this.#options.clock.now();
    const [newest, ...others] = this.#keys;
    const kept = others.filter((key) => isGood(key, now));
    const isDue = !isGood(newest, now) || now - newest.createdAt >= ROTATION_MS;
    if (isDue) this.#keys = [newKey(now), ...(isGood(newest, now) ? [newest] : []), ...kept];
    else this.#keys = [newest, ...kept];
    if (isDue || kept.length < others.length) this.#isWritten = false;
    if (!this.#isWritten) await this.#write();
  }

  /** Rotates from now on. Returns the function that ends it. */
  watch(): () => void {
    const timer = setInterval(() => void this.rotate(), CHECK_MS).unref();
    return () => clearInterval(timer);
  }

  /** Has `server` seal and open tickets with these keys: to be said again for each secure context that it is given. */
  serve(server: Server): void {
    const hook: TicketKeyHook = server._sharedCreds.context;
    if (hook.enableTicketKeyCallback === undefined) return;
    hook.enableTicketKeyCallback();
    hook.onticketkeycallback = (name, _iv, isSealing) => (isSealing ? this.#seal() : this.#open(name));
  }

  #seal(): TicketKeyAnswer {
    const [{ name, hmac, aes }] = this.#keys;
    return [answer.found, hmac, aes, name, randomBytes(PART_BYTES)];
  }

  #open(name: Buffer): TicketKeyAnswer {
    const now = this.#options.clock.now();
    const [newest] = this.#keys;
    const found = this.#keys.find((key) => isGood(key, now) && key.name.equals(name));
    // Keys belong into every answer: without them Node ends the process.
    const { hmac, aes } = found ?? newest;
    if (found === undefined) return [answer.unknown, hmac, aes];
    // Replaced each time: in TLS 1.3 a ticket is for one use (RFC 8446 §C.4), and OpenSSL's clients keep to that. Without
    // another one they make a full handshake every other time.
    return [answer.renew, hmac, aes];
  }

  async #write(): Promise<void> {
    const { file, log } = this.#options;
    const keys = this.#keys.map(({ createdAt, bytes }) => ({ createdAt, key: bytes.toString('base64') }));
    try {
      await writeFileAtomic(file, `${JSON.stringify({ keys })}\n`);
      this.#isWritten = true;
    } catch (error) {
      log.warn({ err: error, file }, 'the ticket keys could not be kept: a restart costs full handshakes');
    }
  }
}

/** What OpenSSL's callback returns (SSL_CTX_set_tlsext_ticket_key_cb): `renew` opens the ticket and has it replaced. */
const answer = { unknown: 0, found: 1, renew: 2 } as const;
type TicketKeyAnswer = readonly [result: number, hmac: Buffer, aes: Buffer, name?: Buffer, iv?: Buffer];

interface TicketKeyHook {
  enableTicketKeyCallback?: () => void;
  onticketkeycallback?: (name: Buffer, iv: Buffer, isSealing: boolean) => TicketKeyAnswer;
}

function newKey(now: number): TicketKey {
  return ticketKey(now, randomBytes(KEY_BYTES));
}

function ticketKey(createdAt: number, bytes: Buffer): TicketKey {
  return {
    createdAt,
    bytes,
    name: bytes.subarray(0, PART_BYTES),
    hmac: bytes.subarray(PART_BYTES, 2 * PART_BYTES),
    aes: bytes.subarray(2 * PART_BYTES),
  };
}

/** Not one of the future either: how long it has been there, a clock that was set back cannot tell. */
function isGood({ createdAt }: TicketKey, now: number): boolean {
  return createdAt <= now && now < createdAt + KEPT_MS;
}

async function readKeys({ file, log }: TicketKeysOptions): Promise<readonly TicketKey[]> {
  try {
    const { keys } = fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return keys.map(({ createdAt, key }) => ticketKey(createdAt, Buffer.from(key, 'base64')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, file }, 'the ticket keys cannot be used and are made anew');
    return [];
  }
}
