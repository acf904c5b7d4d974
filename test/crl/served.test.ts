/** CRLs over HTTP: whole, in part, not again, in two forms, and to many slow readers at once. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import type { CrlName } from '../../core/pki/crl-names.ts';
import { decodePem, encodePem } from '../../core/pki/pem.ts';
import { pemBody } from '../../enroll/crl/crl-body.ts';
import type { ServedCrl } from '../../enroll/crl/crl-store.ts';
import { createHttpServer, type HttpServer, listen } from '../../enroll/http/http-server.ts';
import { crlRoutes } from '../../enroll/routes/crls.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/log.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { CrlWorld } from './world.ts';

const log = createLogger('test', { level: 'silent', format: 'json' });
const servers: HttpServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

async function serve(crls: { find(name: CrlName): Promise<ServedCrl | undefined> }): Promise<number> {
  const server = await createHttpServer({ log, maxConnections: 2_000 });
  servers.push(server);
  crlRoutes(server, { crls, clock: systemClock });
  return listen(server, { host: '127.0.0.1', port: 0, setting: 'statusPort' });
}

describe('a list that is served', () => {
  const folder = temporaryFolder();
  let world: CrlWorld;
  let base: string;
  let der: Buffer;
  beforeAll(async () => {
    world = await CrlWorld.create(folder);
    world.crlShards = 16;
    await world.start();
    const serial = await world.issue();
    await world.set('revoked', serial);
    await world.untilListed(serial);
    const port = await serve({ find: (name) => world.publishing.store.find(name) });
    base = `http://127.0.0.1:${port}/crl/`;
    der = Buffer.from((await world.published()).der);
  });
  afterAll(() => world.close());

  const call = async (
    file: string,
    headers: Readonly<Record<string, string>> = {},
    method: 'GET' | 'HEAD' = 'GET',
  ) => {
    const answer = await request(base + file, { headers, method });
    return { ...answer, bytes: Buffer.from(await answer.body.arrayBuffer()) };
  };

  it('is DER, with what caches and clients need', async () => {
    const { statusCode, headers, bytes } = await call(`${world.issuer}.crl`);
    expect([statusCode, bytes.equals(der)]).toEqual([200, true]);
    expect(headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      'content-length': String(der.length),
      'cache-control': 'public, max-age=60, must-revalidate, no-transform',
      'accept-ranges': 'bytes',
      'last-modified': new Date((await world.published()).thisUpdate).toUTCString(),
    });
  });

  it('is PEM as well', async () => {
    const { statusCode, headers, bytes } = await call(`${world.issuer}.pem`);
    expect([statusCode, headers['content-type']]).toEqual([200, 'application/x-pem-file']);
    expect(headers['content-length']).toBe(String(bytes.length));
    expect(bytes.toString()).toBe(encodePem('X509 CRL', der));
  });

  it('is the delta, or a shard, by its own name', async () => {
    for (const [file, part] of [
      [`${world.issuer}-delta.crl`, 'delta'],
      [`${world.issuer}-a.crl`, 'shard-a'],
    ] as const)
      expect((await call(file)).bytes.equals(Buffer.from((await world.published(part)).der))).toBe(true);
  });

  it('is not sent again to whoever has it, after a restart neither', async () => {
    for (const form of ['crl', 'pem']) {
      const file = `${world.issuer}.${form}`;
      const { etag, 'last-modified': date } = (await call(file)).headers;
      for (const headers of [{ 'if-none-match': `"x", W/${etag}` }, { 'if-modified-since': String(date) }]) {
        const again = await call(file, headers);
        expect([again.statusCode, again.bytes.length, again.headers.etag]).toEqual([304, 0, etag]);
      }
    }
    const { etag } = (await call(`${world.issuer}.crl`)).headers;
    await world.restart();
    expect((await call(`${world.issuer}.crl`, { 'if-none-match': String(etag) })).statusCode).toBe(304);
  });

  it('is described by HEAD without being sent', async () => {
    for (const form of ['crl', 'pem']) {
      const file = `${world.issuer}.${form}`;
      const [got, head] = [await call(file), await call(file, {}, 'HEAD')];
      expect([head.statusCode, head.bytes.length]).toEqual([200, 0]);
      for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'cache-control'])
        expect(head.headers[name]).toBe(got.headers[name]);
    }
    expect((await call(`${world.issuer}.crl`, { range: 'bytes=0-1' }, 'HEAD')).statusCode).toBe(200);
  });

  it('is sent in part, to go on with', async () => {
    for (const form of ['crl', 'pem']) {
      const file = `${world.issuer}.${form}`;
      const { bytes: whole, headers } = await call(file);
      const part = await call(file, { range: 'bytes=5-199', 'if-range': String(headers.etag) });
      expect([part.statusCode, part.headers['content-range']]).toEqual([206, `bytes 5-199/${whole.length}`]);
      expect(part.headers['content-length']).toBe('195');
      const rest = await call(file, { range: 'bytes=200-' });
      expect(Buffer.concat([whole.subarray(0, 5), part.bytes, rest.bytes]).equals(whole)).toBe(true);
      expect((await call(file, { range: 'bytes=0-4', 'if-range': '"old"' })).bytes.equals(whole)).toBe(true);
      const beyond = await call(file, { range: `bytes=${whole.length}-` });
      expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, `bytes */${whole.length}`]);
    }
  });

  it.each([
    'x.crl',
    '.crl',
    `${'0'.repeat(64)}.crl`,
    'ISSUER',
    'ISSUER.der',
    'ISSUER.crl.pem',
    'ISSUER-g.crl',
    'ISSUER-a3.crl',
    'ISSUER-a3f.crl',
    'ISSUER-DELTA.crl',
    'ISSUER-full.crl',
    '..%2Findex.json',
    `${'a'.repeat(90)}.crl`,
  ])('is not found as %s', async (file) => {
    const { statusCode, headers, bytes } = await call(file.replace('ISSUER', world.issuer));
    expect([statusCode, headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(JSON.parse(bytes.toString()).code).toMatch(/crl_unknown|not_found/);
  });
});

describe('PEM of any length', () => {
  it('is the same in parts as in one', async () => {
    for (const length of [1, 47, 48, 49, 96, 24_575, 24_576, 24_577, 60_000]) {
      const der = randomBytes(length);
      const text = encodePem('X509 CRL', der);
      const { length: known, read } = pemBody(der);
      expect(known).toBe(text.length);
      const ends = [0, 1, 23, 24, 25, 26, 89, 90, 91, text.length >> 1, text.length - 2, text.length - 1];
      for (const first of ends) {
        for (const last of ends.filter((end) => end >= first && end < text.length)) {
          const pieces: Buffer[] = [];
          for await (const piece of read({ first, last })) pieces.push(Buffer.from(piece as Buffer));
          expect(Buffer.concat(pieces).toString()).toBe(text.slice(first, last + 1));
        }
      }
      expect(Buffer.from(decodePem('X509 CRL', text)).equals(der)).toBe(true);
    }
  });
});

describe('many slow readers of a long list', () => {
  const READERS = 100;
  const BYTES = 8_000_000;

  it('share one copy of it', async () => {
    const crl: ServedCrl = {
      ...{ part: 'full', number: 1n, thisUpdate: Date.now(), nextUpdate: Date.now() + 1e6 },
      der: randomBytes(BYTES),
    };
    const port = await serve({ find: async () => crl });
    for (const form of ['crl', 'pem']) {
      const before = process.memoryUsage().rss;
      const readers: Socket[] = [];
      for (let at = 0; at < READERS; at++) {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        socket.write(`GET /crl/${'a'.repeat(64)}.${form} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await once(socket, 'readable');
        readers.push(socket);
      }
      // Each has its head and has read no more than that.
      expect(readers.every((socket) => socket.bytesRead > 0 && socket.bytesRead < BYTES / 2)).toBe(true);
      const grown = process.memoryUsage().rss - before;
      // One copy each would be 800 MB; what a reader has taken off the wire is in this process too.
      expect(grown).toBeLessThan(200_000_000);
      for (const socket of readers) socket.destroy();
      await eventually(() => readers.every(({ destroyed }) => destroyed));
    }
  });
});
