/**
 * The sockets of which nothing is known yet that the registry stands behind: how many there may be, and how many may
 * come to nothing a second, of each network and in all. Without a bound on them one peer could take every place there is
 * with half a handshake each, or all of the processor with handshakes that lead nowhere. Whoever proves itself costs
 * nothing, so a fleet that comes back through one address is bounded by what is under way alone.
 */
import type { BrokerLimits } from '../limits.ts';
import { Allowance } from './allowance.ts';
import { networkOf } from './network-of.ts';

type Limits = Pick<
  BrokerLimits,
  'unproven' | 'unprovenPerAddress' | 'failuresPerSecond' | 'failuresPerSecondPerAddress'
>;

interface Network {
  /** Address and port together name a socket, also once TLS has wrapped it. */
  readonly sockets: Set<string>;
  readonly failures: Allowance;
}

export class UnprovenSockets {
  readonly #limits: Limits;
  readonly #networks = new Map<string, Network>();
  readonly #failures: Allowance;
  #count = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#failures = new Allowance(limits.failuresPerSecond);
  }

  /** False where there are as many as there may be. `now` is in ms, of any clock that never goes back. */
  enter(address: string, port: number, now = performance.now()): boolean {
    const { unproven, unprovenPerAddress, failuresPerSecondPerAddress } = this.#limits;
    const name = networkOf(address);
    const network = this.#networks.get(name) ?? {
      sockets: new Set(),
      failures: new Allowance(failuresPerSecondPerAddress),
    };
    if (this.#count >= unproven || network.sockets.size >= unprovenPerAddress) return false;
    if (!this.#failures.isLeft(now) || !network.failures.isLeft(now)) return false;
    // Taken for a failure until it has proven itself.
    this.#failures.spend(now);
    network.failures.spend(now);
    network.sockets.add(nameOf(address, port));
    this.#networks.set(name, network);
    this.#count++;
    return true;
  }

  /** The registry stands behind it. */
  prove(address: string, port: number): void {
    const network = this.#remove(address, port);
    network?.failures.refund();
    if (network !== undefined) this.#failures.refund();
  }

  /** It is gone; may be said again, or after it was proven. */
  leave(address: string, port: number): void {
    this.#remove(address, port);
  }

  #remove(address: string, port: number): Network | undefined {
    const name = networkOf(address);
    const network = this.#networks.get(name);
    if (network?.sockets.delete(nameOf(address, port)) !== true) return undefined;
    this.#count--;
    this.#release(name, network);
    return network;
  }

  /** One that comes right back finds its allowance as it left it. */
  #release(name: string, network: Network): void {
    if (network.sockets.size > 0) return;
    const debt = network.failures.debt(performance.now());
    if (debt > 0) setTimeout(() => this.#release(name, network), debt).unref();
    else if (this.#networks.get(name) === network) this.#networks.delete(name);
  }
}

function nameOf(address: string, port: number): string {
  return `${address} ${port}`;
}
