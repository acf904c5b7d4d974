/**
 * What others need of all CAs at once, as one PEM file each: nginx, Mosquitto and most others take the CRLs of a whole
 * chain as one file, and hear of a new CA only by what they fetch. A CA that was retired is in neither, so whoever looks
 * for its CRL here no longer accepts what it has issued.
 */
import type { Clock } from '../../core/clock.ts';
import { encodePem } from '../../core/pki/pem.ts';
import type { RegistryReader } from '../../registry/port.ts';
import type { CrlRecord, IssuerRecord } from '../../registry/records.ts';
import type { HttpServer } from '../http/http-server.ts';
import { crossCertificatesInUse } from '../signer/lineage.ts';
import { JournalCache } from './journal-cache.ts';

const PEM_FILE = 'application/x-pem-file';
const KEPT_MS = 600_000;

interface CrlBundle {
  readonly etag: string;
  /** Shared by all who fetch it at the same time. */
  readonly pem: Buffer;
}

export interface BundleRoutes {
  readonly registry: RegistryReader;
  readonly clock: Clock;
}

/** `GET /crl/bundle.pem` and `GET /ca/intermediates.pem`. */
export function bundleRoutes(server: HttpServer, { registry, clock }: BundleRoutes): void {
  const bundles = new JournalCache<CrlBundle>({ registry, clock, maxEntries: 1, maxAge: KEPT_MS });
  let last: CrlBundle | undefined;

  async function crlBundle(): Promise<CrlBundle> {
    const crls = await crlsInUse(registry);
    const etag = `"${crls.map(({ issuer, number }) => `${issuer.slice(0, 16)}-${number}`).join('.')}"`;
    // Most changes in the registry change no CRL, and a long one takes a while to encode.
    if (last?.etag !== etag) {
      last = { etag, pem: Buffer.from(crls.map(({ der }) => encodePem('X509 CRL', der)).join('')) };
    }
    return last;
  }

  server.get('/crl/bundle.pem', async ({ headers }, reply) => {
    const { etag, pem } = await bundles.get('crls', crlBundle);
    // No Last-Modified: the bundle also changes when a CA leaves it, which is no CRL's time.
    reply.header('ETag', etag).header('Cache-Control', 'no-cache');
    if (headers['if-none-match'] === etag) return reply.status(304).send();
    return reply.type(PEM_FILE).send(pem);
  });

  server.get('/ca/intermediates.pem', async (_request, reply) =>
    reply
      .header('Cache-Control', 'no-cache')
      .type(PEM_FILE)
      .send(await intermediates(registry)),
  );
}

/** The latest of each CA that is not retired, roots among them. */
async function crlsInUse(registry: RegistryReader): Promise<readonly CrlRecord[]> {
  const latest = await Promise.all(
    (await issuersInUse(registry)).map(({ fingerprint }) => registry.latestCrl(fingerprint)),
  );
  return latest.filter((crl) => crl !== undefined);
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
