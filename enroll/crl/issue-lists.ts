/** One issue of an issuer's lists: decided, numbered, built by the thread, signed. Nothing is published here. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { signCrl } from '../../core/pki/crl.ts';
import type { CrlPart } from '../../core/pki/crl-names.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { Registry } from '../../registry/port/registry.ts';
import type { ListBuilder } from './crl-thread-client.ts';
import type { BuiltLists } from './lists-request.ts';
import type { Publication, PublishedCrl } from './publication.ts';

export const CRL_LIFETIME = 24 * 3_600_000;
/** Lists are replaced when half of their life is over, so that an outage of half a day hurts nobody. */
const REFRESH_AFTER = CRL_LIFETIME / 2;

export interface IssueContext {
  readonly registry: Registry;
  readonly builder: ListBuilder;
  readonly clock: Clock;
  readonly statusUrl: string;
}

export interface IssueTerms {
  readonly issuer: Issuer;
  /** What was published before. */
  readonly previous: Publication | undefined;
  readonly takeNumber: () => Promise<bigint | undefined>;
  /** ms: for the last lists of a CA, when the last of its certificates expires. */
  readonly until?: number;
}

/** @returns undefined for a CA that was retired */
export async function issueLists(context: IssueContext, terms: IssueTerms): Promise<Publication | undefined> {
  const { builder, clock, statusUrl } = context;
  const { issuer, previous, until } = terms;
  const { certificate, signer } = issuer;
  // Step 1: what is to be built.
  const thisUpdate = clock.now();
  const nextUpdate = until ?? thisUpdate + CRL_LIFETIME;
  const shardings = await context.registry.crlShardings(certificate.fingerprint);
  const follows = previous !== undefined && (await canBeFollowed(context, previous));
  const regular = !follows || until !== undefined || msToRefresh(previous, thisUpdate) === 0;
  const history = follows ? previous.regular.filter((list) => list.nextUpdate > thisUpdate) : [];

  // Step 2: its number, committed before anything is signed under it.
  const number = await terms.takeNumber();
  if (number === undefined) return undefined;

  // Step 3: the lists, in another thread.
  const { fingerprint, subjectDer, subjectKeyIdentifier } = certificate;
  const common = { number, thisUpdate, nextUpdate };
  const built = await builder.build({
    ...common,
    issuer: { fingerprint, subjectDer, subjectKeyIdentifier },
    algorithm: signer.algorithm,
    statusUrl,
    shardings,
    expiresFrom: expiresFrom(previous, thisUpdate),
    base: history[0] ?? null,
    shardsSince: regular ? null : (previous?.head.seq ?? null),
  });

  // Step 4: signed here, where the key is.
  const lists = await sign(issuer, built, common);
  const unchanged = regular ? [] : (previous?.lists ?? []);
  const added = regular ? [{ ...common, seq: built.head.seq }] : [];
  return {
    issuer: fingerprint,
    number,
    head: built.head,
    statusUrl,
    shardings,
    regular: [...history, ...added],
    lists: new Map([...unchanged, ...lists]),
  };
}

/** ms until lists are due though nothing changed. Lists from the future, after a clock was set back, are of no use. */
export function msToRefresh(previous: Publication | undefined, now: number): number {
  const last = previous?.regular.at(-1);
  if (last === undefined || last.thisUpdate > now) return 0;
  return Math.max(0, last.thisUpdate + REFRESH_AFTER - now);
}

/**
 * Whether deltas can go on from it. Not with another IDP, since delta and base must have the same; nor where the journal
 * is another one, as after a restore.
 */
export async function canBeFollowed(
  { registry, statusUrl }: Pick<IssueContext, 'registry' | 'statusUrl'>,
  previous: Publication,
): Promise<boolean> {
  const shardings = await registry.crlShardings(previous.issuer);
  if (previous.statusUrl !== statusUrl || previous.shardings.join() !== shardings.join()) return false;
  const { seq, hash } = previous.head;
  const [row] = seq === 0 ? [] : await registry.journal(seq - 1, 1);
  return row?.seq === seq && row.hash === hash;
}

/**
 * "An entry MUST NOT be removed from the CRL until it appears on one regularly scheduled CRL issued beyond the revoked
 * certificate's validity period" (RFC 5280 §3.3): what had expired when the last of these was issued was on it.
 */
function expiresFrom(previous: Publication | undefined, now: number): number {
  return Math.min(now, previous?.regular.at(-1)?.thisUpdate ?? now - CRL_LIFETIME);
}

async function sign(
  { signer }: Issuer,
  { lists }: BuiltLists,
  terms: Pick<PublishedCrl, 'number' | 'thisUpdate' | 'nextUpdate'>,
): Promise<ReadonlyMap<CrlPart, PublishedCrl>> {
  const signed = new Map<CrlPart, PublishedCrl>();
  for (const { part, entries, ...unsigned } of lists) {
    signed.set(part, { ...terms, part, entries, der: await signCrl(unsigned, signer) });
    // There may be 258 of them.
    await nextTurn();
  }
  return signed;
}
