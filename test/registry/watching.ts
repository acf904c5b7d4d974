/** Waiting for a commit, by the registry's own word of it. */
import type { RegistryView } from '../../registry/port/registry.ts';

/** Resolves at the first change after which `holds` does; the test's own deadline bounds it. */
export function nextChange(view: RegistryView, holds: () => Promise<boolean>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = view.watch(() => {
      holds()
        .then((held) => {
          if (!held) return;
          stop();
          resolve();
        })
        .catch(reject);
    }, reject);
  });
}
