/** Puts a packet together that comes in several chunks. It takes as much memory as has come of it, and not as was declared. */

const LEAST_BYTES = 256;

export class PacketAssembly {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  /** What has come so far. */
  get length(): number {
    return this.#length;
  }

  /** The first `length` of these are those of the packet. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  add(chunk: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length, LEAST_BYTES));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }
}
