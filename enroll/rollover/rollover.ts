/** What operators do to the CAs, one command at a time: half of each happens outside of any transaction. */
import { GatehouseError } from '../../core/errors.ts';
import type { Fingerprint } from '../../core/ids.ts';
import type { Actor } from '../../core/journal/events.ts';
import type { RolloverContext } from './context.ts';
import { type Retirement, retireCa } from './retire-ca.ts';
import { type Rotation, rotateCa } from './rotate-ca.ts';

export class Rollover {
  readonly #context: RolloverContext;
  #busy = false;

  constructor(context: RolloverContext) {
    this.#context = context;
  }

  /** @throws GatehouseError `ca_busy`, and as `rotateCa` does */
  rotate(actor: Actor, terms: { readonly root: boolean }): Promise<Rotation> {
    return this.#alone(() => rotateCa(this.#context, actor, terms));
  }

  /** @param terms `lockOut`: how many devices may be locked out @throws GatehouseError `ca_busy`, and as `retireCa` does */
  retire(actor: Actor, issuer: Fingerprint, terms: { readonly lockOut: number }): Promise<Retirement> {
    return this.#alone(() => retireCa(this.#context, actor, issuer, terms));
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new GatehouseError('ca_busy');
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}
