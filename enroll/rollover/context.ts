/** What a rollover works with besides what every use case does: the keys, and what must follow at once. */
import type { Logger } from '../../runtime/log.ts';
import type { EnrollContext } from '../context.ts';
import type { CrlPublisher } from '../crl/crl-publisher.ts';
import type { CaKeyStore } from '../signer/key-store.ts';

export interface RolloverContext extends EnrollContext {
  readonly keys: CaKeyStore;
  readonly crls: Pick<CrlPublisher, 'begin' | 'lastLists' | 'end'>;
  /** Brings the certificates of the listeners, with their chain, in step with the issuers. */
  readonly renewServerCertificates: () => Promise<void>;
  /** Brings the file with the trust anchors in step with the issuers. */
  readonly publishTrustAnchors: () => Promise<void>;
  readonly log: Logger;
  /** ms after which every process trusts an issuer that was added. */
  readonly settleTime?: number | undefined;
}

/** What has been decided stands, even where this cannot follow: it is made up for by itself, or at the next start. */
export async function follow({ renewServerCertificates, publishTrustAnchors, log }: RolloverContext) {
  for (const step of [publishTrustAnchors, renewServerCertificates]) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, 'the issuers have changed, and not everything could follow yet');
    }
  }
}
