/** PEM (RFC 7468): the text form of certificates, requests and keys. */
import { GatehouseError } from '../errors.ts';

/** What the text between BEGIN and END lines holds; RFC 7468 §4–§11. */
export type PemLabel =
  | 'CERTIFICATE'
  | 'CERTIFICATE REQUEST'
  | 'NEW CERTIFICATE REQUEST'
  | 'X509 CRL'
  | 'PUBLIC KEY'
  | 'ENCRYPTED PRIVATE KEY';

export interface PemBlock {
  readonly label: string;
  /** What lies between the two lines, not decoded yet. */
  readonly body: string;
  /** The text after the END line. */
  readonly after: string;
}

const LINE_LENGTH = 64;
const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*$/m;

export function encodePem(label: PemLabel, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines: string[] = [];
  for (let start = 0; start < base64.length; start += LINE_LENGTH) {
    lines.push(base64.slice(start, start + LINE_LENGTH));
  }
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * The first block of a text that may have explanations before it, as `openssl req -text` writes them.
 * Undefined where there is none, or it does not end.
 */
export function findPemBlock(text: string): PemBlock | undefined {
  const begin = BEGIN.exec(text);
  const label = begin?.[1];
  if (begin === null || label === undefined) return undefined;
  const bodyStart = begin.index + begin[0].length;
  const end = `-----END ${label}-----`;
  const bodyEnd = text.indexOf(end, bodyStart);
  if (bodyEnd === -1) return undefined;
  return { label, body: text.slice(bodyStart, bodyEnd), after: text.slice(bodyEnd + end.length) };
}

/**
 * Base64 with line breaks or without. Only the one form that encodes the bytes is taken, padding included:
 * Buffer would skip foreign characters and ignore what follows the padding.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/[ \t\r\n\v\f]/g, '');
  const bytes = Buffer.from(compact, 'base64');
  return bytes.toString('base64') === compact ? bytes : undefined;
}

/**
 * The DER of a text that holds exactly one block, of this label.
 * @throws GatehouseError `pem_invalid`
 */
export function decodePem(label: PemLabel, text: string): Uint8Array {
  const block = findPemBlock(text);
  if (block?.label !== label) throw new GatehouseError('pem_invalid', `No "${label}" block was found`);
  if (block.after.trim() !== '') throw new GatehouseError('pem_invalid', `Text follows the "${label}" block`);
  const der = decodeBase64(block.body);
  if (der === undefined)
    throw new GatehouseError('pem_invalid', `The base64 of the "${label}" block is broken`);
  return der;
}

/**
 * The DER of each of the blocks that a text holds, all of this label, with explanations before each or none.
 * @param most how many there may be
 * @throws GatehouseError `pem_invalid`
 */
export function decodePemBlocks(label: PemLabel, text: string, most: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let rest = text;
  do {
    const block = findPemBlock(rest);
    if (block?.label !== label) throw new GatehouseError('pem_invalid', `No "${label}" block was found`);
    const der = decodeBase64(block.body);
    if (der === undefined)
      throw new GatehouseError('pem_invalid', `The base64 of a "${label}" block is broken`);
    found.push(der);
    if (found.length > most) throw new GatehouseError('pem_invalid', `There are more than ${most} blocks`);
    rest = block.after;
  } while (rest.trim() !== '');
  return found;
}
