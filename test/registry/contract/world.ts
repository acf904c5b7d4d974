/** The registry that a test of the contract works on. */
import type { Clock } from '../../../core/clock.ts';
import type { Registry, RegistryView } from '../../../registry/port/registry.ts';
import { NOW } from '../samples.ts';

export interface OpenedRegistry {
  readonly registry: Registry;
  /** Opens what another process would see of it. */
  openView(): Promise<RegistryView>;
}
export type OpenRegistry = (clock: Clock) => Promise<OpenedRegistry>;

export class World {
  /** What the registry's clock shows. */
  now = NOW;
  #opened: OpenedRegistry | undefined;
  #views: RegistryView[] = [];

  async begin(open: OpenRegistry): Promise<void> {
    this.now = NOW;
    this.#opened = await open({ now: () => this.now });
  }

  async end(): Promise<void> {
    for (const view of this.#views.splice(0)) await view.close();
    await this.registry.close();
  }

  get registry(): Registry {
    return this.#current.registry;
  }

  /** Closed at the end of the test. */
  async openView(): Promise<RegistryView> {
    const view = await this.#current.openView();
    this.#views.push(view);
    return view;
  }

  get #current(): OpenedRegistry {
    if (this.#opened === undefined) throw new Error('No registry is open');
    return this.#opened;
  }
}
