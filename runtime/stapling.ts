/**
 * OCSP stapling (RFC 6066 §8): a listener answers for its own certificate within the handshake, so that a client need not
 * ask. The answer comes from a file that enroll keeps. One that is missing, out of time or about another certificate is
 * not handed out, and stops nobody.
 */
import { X509Certificate } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { readStaple, type Staple } from '../core/pki/ocsp-staple.ts';
import type { Logger } from './log.ts';

export interface StapleFile {
  /** DER OCSPResponse; it may be missing. */
  readonly file: string;
  readonly clock: Clock;
}

export interface StaplingOptions extends StapleFile {
  /** ms between looks at the file. */
  readonly interval: number;
  readonly log: Logger;
}

/** Staples what is in the file, read anew whenever that changes. Returns the function that ends it. */
export function staple(server: Server, { file, clock, interval, log }: StaplingOptions): () => void {
  let current: Staple | undefined;
  const read = async () => {
    try {
      current = readStaple(await readFile(file));
      if (current === undefined) log.warn({ file }, 'what is to be stapled is no OCSP response');
    } catch (error) {
      current = undefined;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warn({ err: error, file }, 'nothing is stapled');
    }
  };
  const onRequest: OcspRequestListener = (certificate, _issuer, done) => {
    const fitting = current && isFor(certificate, current, clock.now()) ? Buffer.from(current.der) : null;
    done(null, fitting);
  };
  // One read at a time: of two, the one that began first could end last, and what is gone would be stapled from then on.
  let reading = Promise.resolve();
  const onChange = () => {
    reading = reading.then(read);
  };
  watchFile(file, { interval, persistent: false }, onChange);
  onChange();
  server.on('OCSPRequest', onRequest);
  return () => {
    unwatchFile(file, onChange);
    server.off('OCSPRequest', onRequest);
  };
}

type OcspRequestListener = (
  certificate: Buffer,
  issuer: Buffer,
  done: (error: Error | null, response: Buffer | null) => void,
) => void;

/** Serial numbers are random: no two certificates of any of our CAs share one. */
function isFor(certificate: Buffer, { serialNumber, thisUpdate, nextUpdate }: Staple, now: number): boolean {
  if (now < thisUpdate || now >= nextUpdate) return false;
  return new X509Certificate(certificate).serialNumber === serialNumber;
}
