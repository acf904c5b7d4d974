/**
 * What an issuer has published: its lists, and what the next ones follow from. It lies in a folder: each list in a file
 * that is named for its number, and an index, which is written last and says which of them count.
 */
import { z } from 'zod';
import type { Fingerprint } from '../../core/ids.ts';
import type { ChainHead } from '../../core/journal/chain.ts';
import { CRL_SHARDS, type CrlPart, type CrlShards } from '../../core/pki/crl-names.ts';

export interface PublishedCrl {
  readonly part: CrlPart;
  readonly number: bigint;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly entries: number;
  readonly der: Uint8Array;
}

/** A full list that was issued because it was time for one, and not because something had changed. */
export interface RegularList {
  readonly number: bigint;
  /** The last row of the journal that it knows of. */
  readonly seq: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
}

export interface Publication {
  readonly issuer: Fingerprint;
  readonly number: bigint;
  /** The last row of the journal that the lists know of: another registry, such as one from a backup, has another. */
  readonly head: ChainHead;
  /** What the addresses in the lists were made from. */
  readonly statusUrl: string;
  readonly shardings: readonly CrlShards[];
  /** Those whose time has not run out, the oldest first. */
  readonly regular: readonly RegularList[];
  readonly lists: ReadonlyMap<CrlPart, PublishedCrl>;
}

/** A publication without the lists themselves. */
export type PublicationIndex = Omit<Publication, 'lists' | 'issuer'> & {
  readonly lists: readonly (Omit<PublishedCrl, 'der'> & { readonly bytes: number })[];
};

const number = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt);
const times = { number, thisUpdate: z.int(), nextUpdate: z.int() };
const part = z
  .string()
  .regex(/^(full|delta|shard-[0-9a-f]{1,2})$/)
  .transform((text) => text as CrlPart);
const indexSchema = z.strictObject({
  number,
  head: z.strictObject({ seq: z.int(), hash: z.string() }),
  statusUrl: z.string(),
  shardings: z.array(z.literal(CRL_SHARDS)),
  regular: z.array(z.strictObject({ ...times, seq: z.int() })),
  lists: z.array(z.strictObject({ ...times, part, entries: z.int(), bytes: z.int() })),
});

export function fileOf({ part, number }: Pick<PublishedCrl, 'part' | 'number'>): string {
  return `${part}.${number}.crl`;
}

export function indexText({ issuer: _, lists, ...publication }: Publication): string {
  const index = {
    ...publication,
    lists: [...lists.values()].map(({ der, ...list }) => ({ ...list, bytes: der.length })),
  };
  return `${JSON.stringify(index, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}\n`;
}

/** Undefined for what this version did not write. */
export function parseIndex(text: string): PublicationIndex | undefined {
  try {
    return indexSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
