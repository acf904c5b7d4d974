/** The lists of one issuer, up to what is to be signed: from one pass over what is revoked, each entry written once. */
import { type UnsignedCrl, unsignedCrl } from '../../core/pki/crl.ts';
import { CrlEntries, type RevokedEntry } from '../../core/pki/crl-entries.ts';
import { type CrlPart, type CrlShards, crlPartOf, crlUrl, shardsOf } from '../../core/pki/crl-names.ts';
import type { ChangedRow, CrlRows } from '../../registry/sqlite/crl-rows.ts';
import type { BuiltList, BuiltLists, ListsRequest } from './lists-request.ts';

/** Nothing has changed since then. */
const NEVER = Number.MAX_SAFE_INTEGER;

export function buildLists(rows: Pick<CrlRows, 'read'>, request: ListsRequest): BuiltLists {
  const { issuer, expiresFrom, base, shardings, shardsSince } = request;
  const revoked = new ShardedEntries(Math.max(1, ...shardings));
  const delta = new CrlEntries();
  const changedShards = new Set<CrlPart>();
  const query = { issuer: issuer.fingerprint, expiresFrom, changedSince: base?.seq ?? NEVER };
  const head = rows.read(query, {
    revoked: (row) => revoked.add(row),
    changed: (row) => {
      delta.add(changeOf(row, request.thisUpdate));
      if (row.statusSeq <= (shardsSince ?? NEVER)) return;
      for (const shards of shardings) changedShards.add(crlPartOf(row.serialNumber, shards));
    },
  });

  const lists = [fullList(request, revoked), deltaList(request, delta)];
  for (const shards of shardings) {
    for (const [index, digits] of shardsOf(shards).entries()) {
      const part: CrlPart = `shard-${digits}`;
      if (shardsSince !== null && !changedShards.has(part)) continue;
      lists.push(shardList(request, part, revoked.shard(index, shards)));
    }
  }
  return { head, lists };
}

/** In as many pieces as there are shards of the finest kind: every list is some of them. */
class ShardedEntries {
  readonly #pieces: readonly CrlEntries[];

  constructor(pieces: number) {
    this.#pieces = Array.from({ length: pieces }, () => new CrlEntries());
  }

  add(entry: RevokedEntry): void {
    const last = Number.parseInt(entry.serialNumber.slice(-2), 16);
    this.#pieces[last % this.#pieces.length]?.add(entry);
  }

  all(): readonly CrlEntries[] {
    return this.#pieces;
  }

  /** Those whose serial number ends in the digits of `index`. */
  shard(index: number, shards: CrlShards): readonly CrlEntries[] {
    return this.#pieces.filter((_, piece) => piece % shards === index);
  }
}

/**
 * A certificate that stands again may have been on hold in the base, or in any list since (RFC 5280 §5.2.4): whoever has
 * one of those must strike it off.
 */
function changeOf({ serialNumber, revokedAt, reason }: ChangedRow, now: number): RevokedEntry {
  return revokedAt === null || reason === null
    ? { serialNumber, revokedAt: now, reason: 'removeFromCRL' }
    : { serialNumber, revokedAt, reason };
}

function fullList(request: ListsRequest, revoked: ShardedEntries): BuiltList {
  const { fingerprint } = request.issuer;
  const freshest = crlUrl(request.statusUrl, { issuer: fingerprint, part: 'delta' });
  return list('full', revoked.all(), (entries) =>
    unsignedCrl(
      { ...request, distributionPoints: allAddresses(request), freshest, base: undefined },
      entries,
    ),
  );
}

/** Of the same scope as the full list, and so with the same IDP (§5.2.4, condition (b) of applying it). */
function deltaList(request: ListsRequest, delta: CrlEntries): BuiltList {
  const base = request.base?.number ?? request.number;
  return list('delta', [delta], (entries) =>
    unsignedCrl({ ...request, distributionPoints: allAddresses(request), base }, entries),
  );
}

function shardList(request: ListsRequest, part: CrlPart, pieces: readonly CrlEntries[]): BuiltList {
  const own = crlUrl(request.statusUrl, { issuer: request.issuer.fingerprint, part });
  return list(part, pieces, (entries) =>
    unsignedCrl({ ...request, distributionPoints: [own], base: undefined }, entries),
  );
}

function list(
  part: CrlPart,
  pieces: readonly CrlEntries[],
  build: (entries: readonly Uint8Array[]) => UnsignedCrl,
): BuiltList {
  const entries = pieces.reduce((sum, { count }) => sum + count, 0);
  return { part, entries, ...build(pieces.map(({ bytes }) => bytes)) };
}

/** Of everything that a certificate may name in its CDP: the full list is complete for each of them. */
function allAddresses({ statusUrl, issuer: { fingerprint: issuer }, shardings }: ListsRequest): string[] {
  const shards = shardings.flatMap(shardsOf).map((digits) => `shard-${digits}` as const);
  return (['full', ...shards] as const).map((part) => crlUrl(statusUrl, { issuer, part }));
}
