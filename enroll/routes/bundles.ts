/**
 * What others need of all CAs at once, as one PEM file each: nginx, Mosquitto and most others take the CRLs of a whole
 * chain as one file, and hear of a new CA only by what they fetch. A CA that was retired is in neither, so whoever looks
 * for its CRL here no longer accepts what it has issued.
 */
import { Readable } from 'node:stream';
import { encodePem } from '../../core/pki/pem.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { IssuerRecord } from '../../registry/records.ts';
import { type CrlBody, pemBody } from '../crl/crl-body.ts';
import type { CrlStore } from '../crl/crl-store.ts';
import type { HttpServer } from '../http/http-server.ts';
import { crossCertificatesInUse } from '../signer/lineage.ts';

const PEM_FILE = 'application/x-pem-file';

export interface BundleRoutes {
  readonly registry: RegistryReader;
  readonly crls: Pick<CrlStore, 'find'>;
}

/** `GET /crl/bundle.pem` and `GET /ca/intermediates.pem`. */
export function bundleRoutes(server: HttpServer, { registry, crls }: BundleRoutes): void {
  server.route({
    method: ['GET', 'HEAD'],
    url: '/crl/bundle.pem',
    async handler({ headers, method }, reply) {
      const { etag, bodies } = await crlBundle({ registry, crls });
      // No Last-Modified: the bundle also changes when a CA leaves it, which is no CRL's time.
      reply.header('ETag', etag).header('Cache-Control', 'no-cache');
      if (headers['if-none-match'] === etag) return reply.status(304).send();
      const length = bodies.reduce((sum, body) => sum + body.length, 0);
      reply.type(PEM_FILE).header('Content-Length', length);
      return method === 'HEAD' ? reply.send() : reply.send(Readable.from(readAll(bodies)));
    },
  });

  server.get('/ca/intermediates.pem', async (_request, reply) =>
    reply
      .header('Cache-Control', 'no-cache')
      .type(PEM_FILE)
      .send(await intermediates(registry)),
  );
}

interface CrlBundle {
  readonly etag: string;
  readonly bodies: readonly CrlBody[];
}

/** The latest full list of each CA that is not retired, roots among them. */
async function crlBundle({ registry, crls }: BundleRoutes): Promise<CrlBundle> {
  const [bodies, tags]: [CrlBody[], string[]] = [[], []];
  for (const { fingerprint: issuer } of await issuersInUse(registry)) {
    const crl = await crls.find({ issuer, part: 'full' });
    if (crl === undefined) continue;
    bodies.push(pemBody(crl.der));
    tags.push(`${issuer.slice(0, 16)}-${crl.number}`);
  }
  return { etag: `"${tags.join('.')}"`, bodies };
}

async function* readAll(bodies: readonly CrlBody[]): AsyncGenerator<Uint8Array> {
  for (const body of bodies) yield* Readable.from(body.read({ first: 0, last: body.length - 1 }));
}

/**
 * What stands between a certificate and a root: the issuing CAs, and what two roots have of each other. No root: those
 * are to be trusted, and nothing that comes over plain HTTP is.
 */
async function intermediates(registry: RegistryReader): Promise<string> {
  const issuing = (await issuersInUse(registry)).filter(({ kind }) => kind === 'issuing');
  const all = [...issuing, ...(await crossCertificatesInUse(registry))];
  return all.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
}

async function issuersInUse(registry: RegistryReader): Promise<readonly IssuerRecord[]> {
  return (await registry.issuers()).filter(({ status }) => status !== 'retired');
}
