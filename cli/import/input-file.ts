/** The file of an import: whole, in memory, and no larger than the server takes. */
import { createReadStream } from 'node:fs';
import { GatehouseError } from '../../core/errors.ts';
import { unreadableFile } from '../../runtime/unreadable-file.ts';

/** The server's own bound. */
const MAX_BYTES = 64 * 1024 * 1024;
const STANDARD_INPUT = 0;

/**
 * @param path `-` for standard input
 * @throws GatehouseError `file_unreadable`, `list_too_large`
 */
export async function readInputFile(path: string): Promise<Buffer> {
  const stream =
    path === '-' ? createReadStream('', { fd: STANDARD_INPUT, autoClose: false }) : createReadStream(path);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
  if (bytes > MAX_BYTES)
    throw new GatehouseError('list_too_large', `${path} has more than ${MAX_BYTES} bytes`);
  return Buffer.concat(chunks);
}

/** UTF-8, with the byte order mark of Windows or without. @throws GatehouseError `file_unreadable`, with the line */
export function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatehouseError('file_unreadable', `line ${brokenLine(bytes)} of ${path} is not UTF-8`, {
      cause,
    });
  }
}

/** The first that is not UTF-8. No character of several bytes holds a line feed. */
function brokenLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let from = 0; ; line += 1) {
    const end = bytes.indexOf(0x0a, from);
    try {
      decoder.decode(bytes.subarray(from, end === -1 ? undefined : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    from = end + 1;
  }
}
