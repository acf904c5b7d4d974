/**
 * Keeps the CRLs of the issuing CAs true: built anew soon after a revocation (several together make one CRL) and
 * before the last ones run out. Built, recorded with its number, then served: a number is never used twice.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { JournalEvent } from '../../core/journal/events.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { Registry } from '../../registry/port.ts';
import type { Logger } from '../../runtime/log.ts';
import type { IssuingAuthority } from '../signer/issuing-authority.ts';
import { CRL_LIFETIME, recordCrl, signIssuingCrl } from './issuing-crl.ts';

const COALESCE_MS = 1_000;
/** A CRL is replaced when half of its life is over, so that an outage of half a day hurts nobody. */
const REFRESH_MS = CRL_LIFETIME / 2;
const RETRY_MS = 5_000;
/** Rows of the journal that are read in one go. */
const PAGE = 100;
export interface CrlPublisherContext {
  readonly registry: Registry;
  readonly issuing: Pick<IssuingAuthority, 'all'>;
  readonly clock: Clock;
  readonly statusUrl: string;
  readonly log: Logger;
}

export interface CrlPublisher {
  close(): Promise<void>;
}

/** Resolves when CRLs of now are in the registry. */
export async function startCrlPublisher(context: CrlPublisherContext): Promise<CrlPublisher> {
  const { registry, log } = context;
  let seen = await registry.journalHead();
  await publishCrls(context);

  let timer = setTimeout(build, REFRESH_MS).unref();
  let building: Promise<void> = Promise.resolve();
  let waiting = false;

  function schedule(delay: number): void {
    clearTimeout(timer);
    timer = setTimeout(build, delay).unref();
  }
  function build(): void {
    waiting = false;
    building = publishCrls(context).then(
      () => {
        if (!waiting) schedule(REFRESH_MS);
      },
      (error: unknown) => {
        log.error({ err: error }, 'a CRL could not be built; the last one is served');
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

/** Builds and records one of each issuing CA. One at a time: the publisher never overlaps two. */
async function publishCrls(context: CrlPublisherContext): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const issuer of context.issuing.all()) {
    try {
      await publishCrl(context, issuer);
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}

async function publishCrl(
  { registry, clock, statusUrl }: CrlPublisherContext,
  issuer: Issuer,
): Promise<void> {
  const crl = await signIssuingCrl(registry, { issuer, statusUrl, now: clock.now() });
  await registry.write('system', async (transaction) => {
    // The last CRL of a CA is that of its retirement, and stays.
    if ((await transaction.issuer(crl.issuer))?.status !== 'retired') await recordCrl(transaction, crl);
  });
}
