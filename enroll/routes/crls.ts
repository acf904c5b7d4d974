/** `/crl/…`: every list of every issuer, as DER and as PEM. What is served is signed, so anybody may have it. */
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import { quote } from '../../core/ids.ts';
import { parseCrlFileName } from '../../core/pki/crl-names.ts';
import { derBody, pemBody } from '../crl/crl-body.ts';
import type { CrlStore, ServedCrl } from '../crl/crl-store.ts';
import { isNotModified, rangeOf } from '../http/conditional.ts';
import type { HttpServer } from '../http/http-server.ts';

export interface CrlRoutesContext {
  readonly crls: Pick<CrlStore, 'find'>;
  readonly clock: Clock;
}

/** s for which a cache may hand a list on: by then, a revocation is known everywhere. */
const CACHED_FOR = 60;
const FORMS = {
  crl: { type: 'application/pkix-crl', bodyOf: derBody },
  pem: { type: 'application/x-pem-file', bodyOf: pemBody },
} as const;
const params = z.object({ file: z.string().describe('fingerprint of the issuer, and which of its lists') });

export function crlRoutes(server: HttpServer, { crls, clock }: CrlRoutesContext): void {
  // HEAD by itself: fastify's own would read the whole list for it.
  server.route({
    method: ['GET', 'HEAD'],
    url: '/crl/:file',
    schema: { params },
    async handler({ params: { file }, headers, method }, reply) {
      const form = file.endsWith('.pem') ? 'pem' : 'crl';
      const crl = await find(crls, file, form);
      const validators = { etag: `"${crl.part}-${crl.number}-${form}"`, lastModified: crl.thisUpdate };
      reply
        .header('ETag', validators.etag)
        .header('Last-Modified', new Date(crl.thisUpdate).toUTCString())
        .header('Cache-Control', cacheControl(crl, clock.now()))
        .header('Accept-Ranges', 'bytes');
      if (isNotModified(headers, validators)) return reply.status(304).send();

      const body = FORMS[form].bodyOf(crl.der);
      // RFC 9110 §14.2: a range is of GET alone.
      const asked = method === 'GET' ? rangeOf(headers, validators, body.length) : undefined;
      if (asked === null) return reply.status(416).header('Content-Range', `bytes */${body.length}`).send();
      if (asked !== undefined)
        reply.status(206).header('Content-Range', `bytes ${asked.first}-${asked.last}/${body.length}`);
      const range = asked ?? { first: 0, last: body.length - 1 };
      reply.type(FORMS[form].type).header('Content-Length', range.last - range.first + 1);
      return method === 'HEAD' ? reply.send() : reply.send(body.read(range));
    },
  });
}

/** @throws GatehouseError `crl_unknown` */
async function find(crls: CrlRoutesContext['crls'], file: string, form: string): Promise<ServedCrl> {
  const suffix = `.${form}`;
  const name = file.endsWith(suffix) ? parseCrlFileName(file.slice(0, -suffix.length)) : undefined;
  const crl = name && (await crls.find(name));
  if (crl === undefined) throw new GatehouseError('crl_unknown', `there is no list ${quote(file)}`);
  return crl;
}

/** Nobody keeps a list past its end. */
function cacheControl({ nextUpdate }: ServedCrl, now: number): string {
  const left = Math.max(0, Math.floor((nextUpdate - now) / 1_000));
  return `public, max-age=${Math.min(CACHED_FOR, left)}, must-revalidate, no-transform`;
}
