/** Keeps the CRLs of the issuing CAs true, each by itself. */
import type { Fingerprint } from '../../core/ids.ts';
import type { CrlShards } from '../../core/pki/crl-names.ts';
import type { Issuer } from '../../core/pki/issue.ts';
import type { IssuingAuthority } from '../signer/issuing-authority.ts';
import { IssuerPublisher, type IssuerPublisherContext } from './issuer-publisher.ts';
import type { Publication } from './publication.ts';

export interface CrlPublisherContext extends IssuerPublisherContext {
  readonly issuing: Pick<IssuingAuthority, 'all' | 'current'>;
  /** Into how many lists the CRL of new certificates is split; 1 where absent. */
  readonly crlShards?: CrlShards | undefined;
}

export class CrlPublisher {
  readonly #context: CrlPublisherContext;
  readonly #issuers = new Map<Fingerprint, IssuerPublisher>();
  #looking: Promise<void> = Promise.resolve();
  #unwatch: () => void = () => {};

  private constructor(context: CrlPublisherContext) {
    this.#context = context;
  }

  /** Resolves when CRLs of now are served, or it has been tried. */
  static async start(context: CrlPublisherContext): Promise<CrlPublisher> {
    const publisher = new CrlPublisher(context);
    const { issuing, registry, log } = context;
    await publisher.begin(issuing.current());
    await Promise.all(issuing.all().map((issuer) => publisher.#of(issuer).ensure()));
    publisher.#unwatch = registry.watch(() => {
      publisher.#looking = publisher.#looking
        .then(() => publisher.#look())
        .catch((error: unknown) =>
          log.error({ err: error }, 'what changed for the CRLs could not be looked up'),
        );
    });
    return publisher;
  }

  /** A CA that new certificates are about to come from: there is a list wherever they will say that there is one. */
  async begin(issuer: Issuer): Promise<void> {
    const { registry, crlShards = 1 } = this.#context;
    const { fingerprint } = issuer.certificate;
    if (crlShards !== 1 && !(await registry.crlShardings(fingerprint)).includes(crlShards)) {
      await registry.write('system', async (transaction) => {
        await transaction.putCrlSharding(fingerprint, crlShards);
        await transaction.append({
          action: 'crl.sharded',
          subject: fingerprint,
          data: { shards: crlShards },
        });
      });
    }
    await this.#of(issuer).ensure();
  }

  /**
   * The last lists of a CA that is about to be retired, for its retirement to record. Where its key is lost, they are
   * those that were published last.
   * @param until ms: when the last of its certificates expires
   */
  async lastLists(
    fingerprint: Fingerprint,
    issuer: Issuer | undefined,
    until: number,
  ): Promise<Publication | undefined> {
    return issuer === undefined
      ? this.#context.store.published(fingerprint)
      : await this.#of(issuer).lastLists(until);
  }

  /** It was retired: what was recorded then is served from now on. */
  async end(fingerprint: Fingerprint): Promise<void> {
    await this.#issuers.get(fingerprint)?.close();
    this.#issuers.delete(fingerprint);
    try {
      await this.#context.store.forget(fingerprint);
    } catch (error) {
      this.#context.log.warn(
        { err: error },
        'CRLs of a retired CA could not be removed; the next start will',
      );
    }
  }

  async close(): Promise<void> {
    this.#unwatch();
    await this.#looking;
    await Promise.all([...this.#issuers.values()].map((issuer) => issuer.close()));
  }

  #of(issuer: Issuer): IssuerPublisher {
    const { fingerprint } = issuer.certificate;
    const known = this.#issuers.get(fingerprint);
    if (known !== undefined) return known;
    const made = new IssuerPublisher(this.#context, issuer);
    this.#issuers.set(fingerprint, made);
    return made;
  }

  async #look(): Promise<void> {
    for (const issuer of this.#context.issuing.all()) await this.#of(issuer).look();
  }
}
