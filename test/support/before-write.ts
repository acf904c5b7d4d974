/** A registry in which something else happens between a use case's look-ups and its transaction. */
import type { Registry } from '../../registry/port/registry.ts';

/** `happens` once, before the first write is begun. */
export function beforeWrite(registry: Registry, happens: () => Promise<unknown>): Registry {
  let pending: (() => Promise<unknown>) | undefined = happens;
  const write: Registry['write'] = async (...args) => {
    const first = pending;
    pending = undefined;
    await first?.();
    return registry.write(...args);
  };
  return new Proxy(registry, {
    get: (target, name) => {
      if (name === 'write') return write;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
