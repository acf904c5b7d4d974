/** Reads the fields of one packet's body (MQTT 3.1.1 §1.5), never past its end. */
import { GatehouseError } from '../../core/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // [MQTT-1.5.3-3] keeps U+FEFF

/** Every method throws GatehouseError `connect_malformed` where the bytes do not hold what it reads. */
export class FieldReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  uint16(): number {
    return this.#take(2).readUInt16BE();
  }

  /** Two bytes of length, then as many bytes. */
  binary(): Buffer {
    return this.#take(this.uint16());
  }

  text(): string {
    const bytes = this.binary();
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch (cause) {
      throw new GatehouseError('connect_malformed', 'a text is not UTF-8', { cause }); // [MQTT-1.5.3-1]
    }
    if (text.includes('\0')) throw malformed('a text holds U+0000'); // [MQTT-1.5.3-2]
    return text;
  }

  end(): void {
    if (this.#position < this.#bytes.length) throw malformed('bytes follow the last field');
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#bytes.length) throw malformed('it ends within a field');
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }
}

function malformed(what: string): GatehouseError {
  return new GatehouseError('connect_malformed', what);
}
