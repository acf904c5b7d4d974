/**
 * The sockets of each address from which nothing is known yet that the registry stands behind: without a bound on
 * them, one peer could take every place there is with half a handshake each.
 */
export class UnprovenSockets {
  readonly #limit: number;
  /** Address → ports: together they name a socket, also once TLS has wrapped it. */
  readonly #byAddress = new Map<string, Set<number>>();

  /** @param limit how many an address may have */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False where the address has as many as it may. */
  enter(address: string, port: number): boolean {
    const ports = this.#byAddress.get(address) ?? new Set();
    if (ports.size >= this.#limit) return false;
    this.#byAddress.set(address, ports.add(port));
    return true;
  }

  /** It is proven, or gone; may be said again. */
  leave(address: string, port: number): void {
    const ports = this.#byAddress.get(address);
    ports?.delete(port);
    if (ports?.size === 0) this.#byAddress.delete(address);
  }
}
