/**
 * Counts the topic filters in the body of a SUBSCRIBE or UNSUBSCRIBE while it passes (MQTT 3.1.1 §3.8.3, §3.10.3),
 * by their lengths alone: one packet may carry hundreds, and each is as much work as a packet of its own.
 */
const PACKET_IDENTIFIER_BYTES = 2;
const LENGTH_BYTES = 2;

export class FilterCount {
  /** Of the requested QoS, which follows each filter in SUBSCRIBE. */
  readonly #optionBytes: number;
  /** Bytes until the next length. */
  #skip = PACKET_IDENTIFIER_BYTES;
  #length = 0;
  #lengthBytes = 0;
  #count = 0;

  constructor({ optionBytes }: { readonly optionBytes: 0 | 1 }) {
    this.#optionBytes = optionBytes;
  }

  /** How many filters have begun. */
  get count(): number {
    return this.#count;
  }

  /** Whether the body may end here: behind a filter [MQTT-3.8.3-3], [MQTT-3.10.3-2]. */
  get isWhole(): boolean {
    return this.#count > 0 && this.#skip === 0 && this.#lengthBytes === 0;
  }

  take(bytes: Buffer): void {
    let position = 0;
    while (position < bytes.length) {
      const step = Math.min(this.#skip, bytes.length - position);
      this.#skip -= step;
      position += step;
      if (position < bytes.length) this.#takeLengthByte(bytes.readUInt8(position++));
    }
  }

  #takeLengthByte(byte: number): void {
    this.#length = (this.#length << 8) | byte;
    this.#lengthBytes++;
    if (this.#lengthBytes < LENGTH_BYTES) return;
    this.#skip = this.#length + this.#optionBytes;
    this.#length = 0;
    this.#lengthBytes = 0;
    this.#count++;
  }
}
