/**
 * `gatehouse ca retire`: the end of a CA that another has succeeded. Who has nothing but its certificates is locked out,
 * so whoever asks for it must have said for how many devices that is all right.
 */
import { GatehouseError } from '../../core/errors.ts';
import type { Fingerprint } from '../../core/ids.ts';
import type { Actor } from '../../core/journal/events.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { RegistryTransaction } from '../../registry/port/transaction.ts';
import type { CrlRecord, IssuerRecord } from '../../registry/records.ts';
import type { Publication, PublishedCrl } from '../crl/publication.ts';
import { recordCrl } from '../crl/record-crl.ts';
import { openIssuer } from '../signer/issuing-authority.ts';
import { rootOf } from '../signer/lineage.ts';
import { countFleet } from './ca-status.ts';
import { follow, type RolloverContext } from './context.ts';
import { signRootCrl } from './root-crl.ts';

export interface Retirement {
  readonly issuer: IssuerRecord;
  /** Devices that had nothing else. */
  readonly lockedOut: number;
  /** Whether the root's CRL names it, for others who trust the root; its key has to be at hand for that. */
  readonly listedByRoot: boolean;
}

/** Doing it twice is the same as doing it once. @throws GatehouseError `issuer_unknown`, `issuer_needed`, `issuer_in_use` */
export async function retireCa(
  context: RolloverContext,
  actor: Actor,
  fingerprint: Fingerprint,
  { lockOut }: { readonly lockOut: number },
): Promise<Retirement> {
  const { registry, issuing, clock, log } = context;
  // Step 1: whether it may be, as far as can be told without keeping others from writing.
  const leaving = await issuerOf(registry, fingerprint);
  if (leaving.status === 'retired') return { issuer: leaving, lockedOut: 0, listedByRoot: true };
  await refuseNeeded(registry, leaving);
  if (leaving.kind === 'issuing') {
    refuseLockOut(leaving, (await countFleet(registry, fingerprint, clock.now())).dependents, lockOut);
    // Our own listeners first.
    await context.renewServerCertificates();
  }

  for (;;) {
    // Step 2: its last CRL, and that of the root.
    const now = clock.now();
    const last = await lastCrls(context, leaving, now);

    // Step 3: decide again and record it, in one durable transaction.
    const lockedOut = await registry.write(actor, async (transaction) => {
      if (!(await areTheLast(transaction, last))) return null;
      return recordRetirement(transaction, leaving, { last, lockOut, now });
    });
    // Meanwhile something was revoked, or a CRL has taken the number.
    if (lockedOut === null) continue;

    // Step 4: what follows.
    issuing.retire(fingerprint);
    await context.crls.end(fingerprint);
    await follow(context);
    const issuer = await issuerOf(registry, fingerprint);
    const listedByRoot = last.byRoot !== undefined;
    log.warn({ issuer: issuer.subject, fingerprint, lockedOut, listedByRoot, actor }, 'a CA was retired');
    return { issuer, lockedOut, listedByRoot };
  }
}

async function recordRetirement(
  transaction: RegistryTransaction,
  leaving: IssuerRecord,
  { last, lockOut, now }: { readonly last: LastCrls; readonly lockOut: number; readonly now: number },
): Promise<number> {
  const { fingerprint: issuer, kind } = leaving;
  await refuseNeeded(transaction, leaving);
  const all = { issuer, now, limit: Number.MAX_SAFE_INTEGER };
  const lockedOut = kind === 'root' ? 0 : (await transaction.fleetProgress(all)).dependents;
  refuseLockOut(leaving, lockedOut, lockOut);
  await transaction.setIssuerStatus(issuer, 'retired', now);
  await transaction.append({ action: 'issuer.retired', subject: issuer, data: { lockedOut } });
  for (const crl of last.own?.lists.values() ?? []) await transaction.keepCrl({ issuer, ...keptPart(crl) });
  if (last.byRoot !== undefined) await recordCrl(transaction, last.byRoot);
  return lockedOut;
}

/** @throws GatehouseError `issuer_unknown` */
async function issuerOf(registry: RegistryReader, fingerprint: Fingerprint): Promise<IssuerRecord> {
  const issuer = await registry.issuer(fingerprint);
  if (issuer === undefined) throw new GatehouseError('issuer_unknown', `there is no issuer ${fingerprint}`);
  return issuer;
}

/** @throws GatehouseError `issuer_needed` */
async function refuseNeeded(
  registry: RegistryReader,
  { fingerprint, kind, status, subject }: IssuerRecord,
): Promise<void> {
  if (status === 'active') throw new GatehouseError('issuer_needed', `${subject} is the active ${kind} CA`);
  if (kind === 'issuing') return;
  const issuers = await registry.issuers();
  const below = issuers.find(
    (one) =>
      one.kind === 'issuing' && one.status !== 'retired' && rootOf(one, issuers)?.fingerprint === fingerprint,
  );
  if (below === undefined) return;
  throw new GatehouseError(
    'issuer_needed',
    `${below.subject}, which is ${below.status}, comes from this root`,
  );
}

/** @throws GatehouseError `issuer_in_use` */
function refuseLockOut({ subject }: IssuerRecord, dependents: number, lockOut: number): void {
  if (dependents <= lockOut) return;
  const devices = dependents === 1 ? '1 device' : `${dependents} devices`;
  throw new GatehouseError('issuer_in_use', `${devices} would be locked out by the end of ${subject}`);
}

interface LastCrls {
  /** Undefined for a root, and where there is nothing of an issuing CA but what the registry has. */
  readonly own: Publication | undefined;
  /** Whether they were signed for the occasion, or are what was published before its key was lost. */
  readonly signed: boolean;
  readonly byRoot: CrlRecord | undefined;
}

/**
 * The last CRLs of an issuing CA last as long as its certificates. The root's names it from now on: whoever trusts the
 * root and asks no Gatehouse learns of its end there.
 */
async function lastCrls(context: RolloverContext, leaving: IssuerRecord, now: number): Promise<LastCrls> {
  const { fingerprint, kind, notAfter } = leaving;
  const issuer = context.issuing.of(fingerprint);
  const own = kind === 'root' ? undefined : await context.crls.lastLists(fingerprint, issuer, notAfter);
  return { own, signed: issuer !== undefined, byRoot: await crlOfRoot(context, leaving, now) };
}

/** None where the root's key is not there: it is made up for by the next CRL that the root signs. */
async function crlOfRoot(
  { registry, keys, log }: RolloverContext,
  leaving: IssuerRecord,
  now: number,
): Promise<CrlRecord | undefined> {
  const signer = await signerOf(registry, leaving);
  if (signer === undefined) return undefined;
  try {
    const root = await openIssuer(keys, signer);
    return await signRootCrl(registry, { root, now, until: leaving.notAfter, leaving });
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error;
    log.warn({ rule: error.code, issuer: leaving.subject }, 'the root cannot sign: its CRL stays as it is');
    return undefined;
  }
}

/** The root that signed an issuing CA; the younger root that signed OldWithNew for an older one. */
async function signerOf(registry: RegistryReader, leaving: IssuerRecord): Promise<IssuerRecord | undefined> {
  if (leaving.kind === 'issuing') return rootOf(leaving, await registry.issuers());
  const cross = await registry.crossCertificates();
  const by = cross.find(({ kind, subject }) => kind === 'oldWithNew' && subject === leaving.fingerprint);
  return by && registry.issuer(by.issuer);
}

/** Whether no list was numbered after them, and they know of all that was revoked. */
async function areTheLast(
  transaction: RegistryTransaction,
  { own, signed, byRoot }: LastCrls,
): Promise<boolean> {
  if (byRoot !== undefined && (await transaction.crlNumber(byRoot.issuer)) + 1n !== byRoot.number)
    return false;
  if (own === undefined || !signed) return true;
  const change = await transaction.statusChange(own.issuer, own.head.seq);
  return change === undefined && (await transaction.crlNumber(own.issuer)) === own.number;
}

function keptPart({ part, number, thisUpdate, nextUpdate, der }: PublishedCrl): Omit<CrlRecord, 'issuer'> {
  return { part, number, thisUpdate, nextUpdate, der };
}
