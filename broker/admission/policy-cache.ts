/** Policies as checked objects: a document is parsed again only when it has changed. */
import { GatehouseError } from '../../core/errors.ts';
import { quote } from '../../core/ids.ts';
import { type Policy, parsePolicy } from '../../core/policy/policy.ts';
import type { DocumentRecord } from '../../registry/records.ts';

export class PolicyCache {
  readonly #parsed = new Map<string, { readonly document: string; readonly policy: Policy }>();

  /** @throws GatehouseError `policy_invalid` */
  parse({ name, document }: Pick<DocumentRecord, 'name' | 'document'>): Policy {
    const known = this.#parsed.get(name);
    if (known?.document === document) return known.policy;
    const policy = parsePolicy(parseJson(name, document));
    this.#parsed.set(name, { document, policy });
    return policy;
  }
}

function parseJson(name: string, document: string): unknown {
  try {
    return JSON.parse(document);
  } catch (cause) {
    throw new GatehouseError('policy_invalid', `policy ${quote(name)} is not JSON`, { cause });
  }
}
