/** Notices that issuers or manufacturers have changed, so that a listener goes on verifying clients by those in use. */
import type { RegistryView } from '../../registry/port/registry.ts';
import type { Logger } from '../../runtime/log.ts';

export interface IssuerWatch {
  readonly registry: Pick<RegistryView, 'issuers' | 'manufacturers' | 'watch'>;
  readonly onChange: () => Promise<void>;
  readonly log: Logger;
}

/** Returns the function that ends it. The first commit counts as a change: what was read before may be older. */
export function watchIssuers({ registry, onChange, log }: IssuerWatch): () => void {
  let seen: string | undefined;
  const look = async () => {
    const issuers = await registry.issuers();
    const manufacturers = await registry.manufacturers();
    const found = [
      ...issuers.map(({ fingerprint, status }) => `${fingerprint} ${status}`),
      ...manufacturers.map(({ name, certificates }) => `${name} ${certificates}`),
    ].join();
    if (found === seen) return;
    seen = found;
    await onChange();
  };
  const report = (error: unknown) => log.error({ err: error }, 'the trust anchors could not be read');
  return registry.watch(() => void look().catch(report), report);
}
