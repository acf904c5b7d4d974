/**
 * Reading DER that a stranger sent. node-forge decodes it, within caps; what it lets pass of BER is found by
 * encoding the result again, which must give the same bytes. What comes out are elements that keep the very
 * bytes they were read from, so that a signature is verified over what was signed.
 */
import type { asn1 as forge } from 'node-forge';
import asn1 from 'node-forge/lib/asn1.js';
import { type ErrorCode, GatehouseError } from '../errors.ts';

/** One element, over the bytes that it was decoded from. */
export interface DerElement {
  /** The identifier octet: class, "constructed" bit and number at once. */
  readonly tag: number;
  /** The whole element. */
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
  /** Empty for a primitive element. */
  readonly children: readonly DerElement[];
}

export interface DerLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/** What is wrong with some DER. It stays inside core/pki: `refuseMalformed` gives it the code of its document. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** Runs a parser, and turns what it finds wrong with the DER into a refusal with `code`. */
export function refuseMalformed<T>(code: ErrorCode, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof DerError) throw new GatehouseError(code, error.message, { cause: error });
    throw error;
  }
}

/** The length that the first element claims for itself, header included; undefined where there is no header. */
export function declaredLength(bytes: Uint8Array): number | undefined {
  const length = bytes[1];
  if (length === undefined || length === 0x80) return undefined;
  if (length < 0x80) return 2 + length;
  const octets = bytes.subarray(2, 2 + (length & 0x7f));
  return 2 + octets.length + octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/**
 * Decodes exactly one element.
 * @throws DerError where `bytes` is larger or deeper than `limits`, is not DER (X.690 §10), or does not end
 *   where the element does
 */
export function decodeDer(bytes: Uint8Array, limits: DerLimits): DerElement {
  if (bytes.length > limits.maxBytes) {
    throw new DerError(`${bytes.length} bytes; ${limits.maxBytes} are accepted`);
  }
  const text = Buffer.from(bytes).toString('latin1');
  const decoded = fromDer(text, limits.maxDepth);
  // BER in disguise (indefinite or padded lengths, padded integers) does not survive being encoded as DER.
  if (asn1.toDer(decoded).getBytes() !== text) throw new DerError('the encoding is BER, not DER');
  return locate(decoded, bytes);
}

function fromDer(text: string, maxDepth: number): forge.Asn1 {
  try {
    return asn1.fromDer(text, { strict: true, parseAllBytes: true, decodeBitStrings: false, maxDepth });
  } catch (error) {
    throw new DerError('not one complete DER element', { cause: error });
  }
}

/** Lays an element over its bytes, which begin with it and are known to be DER. */
function locate(decoded: forge.Asn1, bytes: Uint8Array): DerElement {
  const [tag = 0, length = 0] = bytes;
  const content = bytes.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
  const children: DerElement[] = [];
  if (Array.isArray(decoded.value)) {
    let rest = content;
    for (const child of decoded.value) {
      const element = locate(child, rest.subarray(0, declaredLength(rest)));
      children.push(element);
      rest = rest.subarray(element.bytes.length);
    }
  }
  return { tag, bytes, content, children };
}
