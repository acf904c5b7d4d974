/** What is asked of the thread that builds CRLs, and how it answers. Plain values: they cross threads. */
import type { Fingerprint } from '../../core/ids.ts';
import type { ChainHead } from '../../core/journal/chain.ts';
import type { UnsignedCrl } from '../../core/pki/crl.ts';
import type { CrlPart, CrlShards } from '../../core/pki/crl-names.ts';
import type { SignatureAlgorithm } from '../../core/pki/signature-algorithm.ts';

/** All lists of one issuer, of one moment and under one number (RFC 5280 §5.2.4). */
export interface ListsRequest {
  readonly issuer: {
    readonly fingerprint: Fingerprint;
    readonly subjectDer: Uint8Array;
    readonly subjectKeyIdentifier: Uint8Array;
  };
  /** Of the issuer's key, which stays where it is. */
  readonly algorithm: SignatureAlgorithm;
  readonly number: bigint;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly statusUrl: string;
  /** Into how many shards the issuer's certificates were ever split; empty where never. */
  readonly shardings: readonly CrlShards[];
  /** ms: what expired before has left the lists. */
  readonly expiresFrom: number;
  /** The full list that the delta adds to; null where it is the one that is built. */
  readonly base: { readonly number: bigint; readonly seq: number } | null;
  /** Shards without a change after this row of the journal are left out; null: none is. */
  readonly shardsSince: number | null;
}

export interface BuiltList extends UnsignedCrl {
  readonly part: CrlPart;
  readonly entries: number;
}

export interface BuiltLists {
  /** The last row of the journal that the lists know of. */
  readonly head: ChainHead;
  readonly lists: readonly BuiltList[];
}

export interface Asked {
  readonly id: number;
  readonly request: ListsRequest;
}

export type Answered =
  | { readonly id: number; readonly built: BuiltLists }
  | { readonly id: number; readonly failure: string };
