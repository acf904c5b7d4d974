/**
 * Archives of the journal: files of JSON lines, compressed, that hold rows as they were in the registry, with the
 * hashes of the chain. Each line is the canonical JSON of a row (canonical-json.ts).
 */
import { canonicalJson } from './canonical-json.ts';
import type { ChainHead } from './chain.ts';
import type { JournalRow } from './events.ts';

const NAME = /^journal-(\d{10,15})-(\d{10,15})-([0-9a-f]{16})\.jsonl\.gz$/;
/** So that names sort as their rows do. */
const DIGITS = 10;
const HASH_DIGITS = 16;

/** What a file's name tells of its rows. */
export interface ArchiveName {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** What the hash of the last row begins with: another history never has the same name. */
  readonly hashPrefix: string;
}

/** `journal-0000000001-0000050000-9f86d081884c7d65.jsonl.gz` */
export function archiveName(firstSeq: number, { seq, hash }: ChainHead): string {
  const [first, last] = [firstSeq, seq].map((number) => String(number).padStart(DIGITS, '0'));
  return `journal-${first}-${last}-${hash.slice(0, HASH_DIGITS)}.jsonl.gz`;
}

/** Undefined where it is none. */
export function parseArchiveName(name: string): ArchiveName | undefined {
  const [, firstSeq, lastSeq, hashPrefix] = NAME.exec(name) ?? [];
  if (firstSeq === undefined || lastSeq === undefined || hashPrefix === undefined) return undefined;
  return { firstSeq: Number(firstSeq), lastSeq: Number(lastSeq), hashPrefix };
}

export function archiveLine(row: JournalRow): string {
  return `${canonicalJson(row)}\n`;
}
