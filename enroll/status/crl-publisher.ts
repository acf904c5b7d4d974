/**
 * Keeps the CRL of the issuing CA true: built anew soon after a revocation (several together make one CRL) and
 * before the last one runs out. Built, recorded with its number, then served: a number is never used twice.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { JournalEvent } from '../../core/journal/events.ts';
import { buildCrl } from '../../core/pki/crl.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import { statusUrls } from '../../core/pki/status-urls.ts';
import type { Registry } from '../../registry/port.ts';
import type { Logger } from '../../runtime/log.ts';

const COALESCE_MS = 1_000;
const LIFETIME_MS = 24 * 3_600_000;
/** A CRL is replaced when half of its life is over, so that an outage of half a day hurts nobody. */
const REFRESH_MS = LIFETIME_MS / 2;
const RETRY_MS = 5_000;
/** Rows of the journal that are read in one go. */
const PAGE = 100;
export interface CrlPublisherContext {
  readonly registry: Registry;
  readonly issuer: Issuer;
  readonly clock: Clock;
  readonly statusUrl: string;
  readonly log: Logger;
}

export interface CrlPublisher {
  close(): Promise<void>;
}

/** Resolves when a CRL of now is in the registry. */
export async function startCrlPublisher(context: CrlPublisherContext): Promise<CrlPublisher> {
  const { registry, log } = context;
  let seen = await registry.journalHead();
  await publishCrl(context);

  let timer = setTimeout(build, REFRESH_MS).unref();
  let building: Promise<void> = Promise.resolve();
  let waiting = false;

  function schedule(delay: number): void {
    clearTimeout(timer);
    timer = setTimeout(build, delay).unref();
  }
  function build(): void {
    waiting = false;
    building = publishCrl(context).then(
      () => {
        if (!waiting) schedule(REFRESH_MS);
      },
      (error: unknown) => {
        log.error({ err: error }, 'the CRL could not be built; the last one is served');
        schedule(RETRY_MS);
      },
    );
  }
  async function look(): Promise<void> {
    for (;;) {
      const rows = await registry.journal(seen, PAGE);
      seen = rows.at(-1)?.seq ?? seen;
      if (!waiting && rows.some(({ event }) => changesCrl(event))) {
        waiting = true;
        schedule(COALESCE_MS);
      }
      if (rows.length < PAGE) return;
      // An import leaves thousands of rows: requests go on between them.
      await nextTurn();
    }
  }
  let looking: Promise<void> = Promise.resolve();
  const unwatch = registry.watch(() => {
    looking = looking
      .then(look)
      .catch((error: unknown) => log.error({ err: error }, 'the journal could not be read'));
  });
  return {
    async close() {
      unwatch();
      await looking;
      clearTimeout(timer);
      await building;
    },
  };
}

function changesCrl(event: JournalEvent): boolean {
  switch (event.action) {
    case 'device.revoked':
    case 'device.suspended':
    case 'device.resumed':
    case 'certificate.superseded':
      return true;
    case 'device.enrolled':
      return event.data.superseded.length > 0;
    default:
      return false;
  }
}

/** Builds and records one CRL. One at a time: the publisher never overlaps two. */
export async function publishCrl({ registry, issuer, clock, statusUrl }: CrlPublisherContext): Promise<void> {
  const { fingerprint } = issuer.certificate;
  const thisUpdate = clock.now();
  const nextUpdate = thisUpdate + LIFETIME_MS;
  const number = ((await registry.latestCrl(fingerprint))?.number ?? 0n) + 1n;
  const revoked = await registry.revokedCertificates(fingerprint, thisUpdate);
  const distributionPoint = statusUrls(statusUrl, fingerprint).crl;
  const der = await buildCrl({ issuer, number, thisUpdate, nextUpdate, revoked, distributionPoint });
  await registry.write('system', async (transaction) => {
    await transaction.putCrl({ issuer: fingerprint, number, thisUpdate, nextUpdate, der });
    await transaction.append({
      action: 'crl.issued',
      subject: fingerprint,
      data: { number: String(number) },
    });
  });
}
