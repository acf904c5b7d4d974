/** A CRL as others fetch it: when it names a certificate, and how large it is. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'undici';
import type { SerialNumber } from '../../core/ids.ts';

const ASK_AGAIN_MS = 5;
const TIMEOUT_MS = 60_000;

export interface PublishedList {
  /** Resolves with its size in bytes once it names the certificate. */
  untilItNames(serialNumber: SerialNumber, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export function watchList(origin: string, path: string): PublishedList {
  const client = new Client(origin);
  let [known, list] = ['', Buffer.alloc(0)];
  const fetchAnew = async () => {
    const headers = { 'if-none-match': known };
    const { statusCode, headers: answered, body } = await client.request({ method: 'GET', path, headers });
    if (statusCode === 304) return void (await body.dump());
    if (statusCode !== 200) throw new Error(`GET ${path} was answered ${statusCode}: ${await body.text()}`);
    [known, list] = [String(answered.etag), Buffer.from(await body.arrayBuffer())];
  };
  return {
    async untilItNames(serialNumber, signal) {
      const octets = Buffer.from(serialNumber, 'hex');
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      await fetchAnew();
      while (!list.includes(octets)) {
        await pause(ASK_AGAIN_MS, undefined, { signal: deadline });
        await fetchAnew();
      }
      return list.length;
    },
    close: () => client.close(),
  };
}
