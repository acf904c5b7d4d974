/**
 * The entries of a CRL (RFC 5280 §5.1.2.6, §5.3.1), written straight into a buffer: element by element, as everything
 * else is written here, a list of 100,000 would take seconds.
 */
import type { SerialNumber } from '../ids.ts';
import { encode, enumerated, header, timeText } from './der.ts';
import { tags } from './der-fields.ts';
import { extension } from './extensions.ts';
import { oids } from './oids.ts';
import { type RevocationReason, revocationReasons } from './revocation-reason.ts';

/** What an entry of a delta may say besides: that the certificate is on the list no more (§5.3.1). */
export type EntryReason = RevocationReason | 'removeFromCRL';

export interface RevokedEntry {
  readonly serialNumber: SerialNumber;
  /** Milliseconds since the epoch; a fraction of a second is cut off. */
  readonly revokedAt: number;
  readonly reason: EntryReason;
}

const REMOVE_FROM_CRL = 8;
const FIRST_CAPACITY = 4_096;
/** More than any entry has: 2 octets of header, a serial number of 23 at most, a time of 17, a reason of 14. */
const LONGEST_ENTRY = 64;

/** "The reason code CRL entry extension SHOULD be absent instead of using the unspecified (0) value" (§5.3.1) */
const reasonExtensions: ReadonlyMap<EntryReason, Buffer> = new Map(
  Object.entries({ ...revocationReasons, removeFromCRL: REMOVE_FROM_CRL }).map(([reason, number]) => [
    reason as EntryReason,
    number === 0 ? Buffer.alloc(0) : reasonExtension(number),
  ]),
);

export class CrlEntries {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #length = 0;
  #count = 0;
  /** The time that was written last: those who are revoked together have the same. */
  #second = -1;
  #time: Buffer = Buffer.alloc(0);

  get count(): number {
    return this.#count;
  }

  /** The content of the SEQUENCE OF; for as long as nothing is added. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  add({ serialNumber, revokedAt, reason }: RevokedEntry): void {
    const extensions = reasonExtensions.get(reason);
    if (extensions === undefined) throw new RangeError(`"${reason}" is no reason of RFC 5280 §5.3.1`);
    if (this.#buffer.length - this.#length < LONGEST_ENTRY) this.#grow();
    const buffer = this.#buffer;
    const start = this.#length;
    // The header goes in last, when the length is known; it is one octet, since entries are short.
    const serialStart = start + 4;
    // Positive: where the top bit is set, a zero goes before it.
    const padding = serialNumber.charCodeAt(0) > '7'.charCodeAt(0) ? 1 : 0;
    buffer[serialStart] = 0;
    const octets = buffer.write(serialNumber, serialStart + padding, 'hex');
    buffer[start + 2] = tags.integer;
    buffer[start + 3] = padding + octets;
    let end = serialStart + padding + octets;
    end += this.#timeOf(revokedAt).copy(buffer, end);
    end += extensions.copy(buffer, end);
    buffer[start] = tags.sequence;
    buffer[start + 1] = end - start - 2;
    this.#length = end;
    this.#count += 1;
  }

  #timeOf(time: number): Buffer {
    const second = Math.floor(time / 1_000);
    if (second !== this.#second) {
      const { tag, text } = timeText(time);
      this.#time = Buffer.concat([header(tag, text.length), Buffer.from(text, 'latin1')]);
      this.#second = second;
    }
    return this.#time;
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(this.#buffer.length * 2);
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** crlEntryExtensions with the reason alone. */
function reasonExtension(number: number): Buffer {
  const reason = encode(extension(oids.reasonCode, encode(enumerated(number))));
  return Buffer.concat([header(tags.sequence, reason.length), reason]);
}
