/**
 * The lists that are served. Those of issuing CAs in use are in memory, and in files for the next start: they can be
 * signed again at any time. Those that may never be signed again, of roots and of CAs that were retired, are in the
 * registry, where they are written in one transaction with what they tell of, and which every backup has.
 */
import type { Fingerprint } from '../../core/ids.ts';
import type { CrlName, CrlPart } from '../../core/pki/crl-names.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { KeptCrl } from '../../registry/records.ts';
import type { Publication, PublishedCrl } from './publication.ts';
import {
  loadPublication,
  publicationFolders,
  removePublication,
  savePublication,
} from './publication-files.ts';

/** A list as it is handed out. */
export type ServedCrl = Omit<PublishedCrl, 'entries'>;

/** What is known of a list without its bytes; `entries` is null where nobody counted. */
export interface ListedCrl extends Omit<PublishedCrl, 'der' | 'entries'> {
  readonly issuer: Fingerprint;
  readonly entries: number | null;
  readonly bytes: number;
}

export interface CrlStoreOptions {
  readonly folder: string;
  readonly registry: Pick<RegistryReader, 'issuers' | 'crlNumber' | 'keptCrl' | 'keptCrls'>;
}

/** Lists of the registry that are kept in memory at most, in one copy for all who fetch them. */
const CACHED = 64;

export class CrlStore {
  readonly #folder: string;
  readonly #registry: CrlStoreOptions['registry'];
  readonly #published = new Map<Fingerprint, Publication>();
  readonly #cached = new Map<string, { readonly at: bigint; readonly crl: ServedCrl }>();

  private constructor({ folder, registry }: CrlStoreOptions) {
    this.#folder = folder;
    this.#registry = registry;
  }

  /** With what was published before; what belongs to no issuing CA in use is removed. */
  static async open(options: CrlStoreOptions): Promise<CrlStore> {
    const store = new CrlStore(options);
    const inUse = (await options.registry.issuers()).filter(
      ({ kind, status }) => kind === 'issuing' && status !== 'retired',
    );
    for (const name of await publicationFolders(options.folder)) {
      const issuer = inUse.find(({ fingerprint }) => fingerprint === name)?.fingerprint;
      const publication = issuer && (await loadPublication(options.folder, issuer));
      if (publication === undefined) await removePublication(options.folder, name);
      else store.#published.set(publication.issuer, publication);
    }
    return store;
  }

  published(issuer: Fingerprint): Publication | undefined {
    return this.#published.get(issuer);
  }

  /** Serves it once it is on disk: a list that was seen is never followed by an older one. */
  async publish(publication: Publication): Promise<void> {
    await savePublication(this.#folder, publication);
    this.#published.set(publication.issuer, publication);
  }

  /** What the registry keeps takes its place. */
  async forget(issuer: Fingerprint): Promise<void> {
    this.#published.delete(issuer);
    await removePublication(this.#folder, issuer);
  }

  async find({ issuer, part }: CrlName): Promise<ServedCrl | undefined> {
    return this.#published.get(issuer)?.lists.get(part) ?? (await this.#kept(issuer, part));
  }

  /** Of all issuers; the full list of each before its delta and its shards. */
  async list(): Promise<readonly ListedCrl[]> {
    const published = [...this.#published.values()].flatMap(({ issuer, lists }) =>
      [...lists.values()].map(({ der, ...list }) => ({ ...list, issuer, bytes: der.length })),
    );
    const kept = (await this.#registry.keptCrls()).filter(({ issuer }) => !this.#published.has(issuer));
    return [...kept.map(ofUnknownLength), ...published];
  }

  async #kept(issuer: Fingerprint, part: CrlPart): Promise<ServedCrl | undefined> {
    const at = await this.#registry.crlNumber(issuer);
    const key = `${issuer} ${part}`;
    const cached = this.#cached.get(key);
    if (cached?.at === at) return cached.crl;
    const crl = await this.#registry.keptCrl(issuer, part);
    if (crl === undefined) return undefined;
    if (this.#cached.size >= CACHED) this.#cached.clear();
    this.#cached.set(key, { at, crl });
    return crl;
  }
}

function ofUnknownLength(crl: KeptCrl): ListedCrl {
  return { ...crl, entries: null };
}
