/**
 * Where connections wait for their turn to begin the TLS handshake: in the order they came, and the networks in turn. Whoever
 * waits has cost an accepted socket and nothing else. So a fleet that comes back at once through one address is let in as
 * fast as the processor goes, and a flood delays those of its own network alone. Only a newcomer to a line that is full, and
 * who has waited too long, is turned away.
 */
import type { BrokerLimits } from '../limits.ts';
import { LoopLoad } from './loop-load.ts';
import { networkOf } from './peer-address.ts';
import { Places } from './places.ts';
import type { SocketName } from './socket-name.ts';

export type LineLimits = Pick<
  BrokerLimits,
  | 'handshakes'
  | 'handshakesPerAddress'
  | 'unproven'
  | 'unprovenPerAddress'
  | 'failuresPerSecond'
  | 'failuresPerSecondPerAddress'
  | 'waiting'
  | 'waitingPerAddress'
  | 'waitingTime'
>;

/** How long it is. */
export interface LineFigures {
  /** Connections whose handshake has not begun. */
  readonly waiting: number;
  /** ms that the first of them has waited; 0 where there is none. */
  readonly longestWait: number;
  /** Those whose handshake has, and which the registry does not stand behind yet. */
  readonly unproven: number;
}

/** The part of a network's places in line that it has where the line is half full. */
const FEW_SHARE = 100;

export interface Newcomer {
  /** Of the peer. */
  readonly address: string;
  readonly name: SocketName;
  /** It is its turn. */
  readonly begin: () => void;
  /** It has waited too long. */
  readonly giveUp: () => void;
}

interface Visitor extends Newcomer {
  readonly network: Network;
  readonly waitsSince: number;
}

interface Network {
  readonly name: string;
  readonly places: Places;
  /** The first one first. */
  readonly waiting: Set<Visitor>;
  /** Until it may begin the next. */
  pause: NodeJS.Timeout | undefined;
}

export class WaitingLine {
  readonly #limits: LineLimits;
  readonly #isBusy: () => boolean;
  readonly #places: Places;
  readonly #networks = new Map<string, Network>();
  /** Of two with one name the later: an unread socket whose peer is gone is not told so, and the peer may be back. */
  readonly #visitors = new Map<SocketName, Visitor>();
  /** Neither proven nor gone. */
  readonly #here = new Set<Visitor>();
  /** Of all networks, in the order they came. */
  readonly #waiting = new Set<Visitor>();
  /** Networks that may begin a handshake as far as they themselves are concerned, the next one first. */
  readonly #ready = new Set<Network>();
  #pause: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;

  constructor(limits: LineLimits, load: Pick<LoopLoad, 'isBusy'> = new LoopLoad()) {
    this.#limits = limits;
    this.#isBusy = () => load.isBusy;
    const { handshakes: atOnce, unproven: inAll, failuresPerSecond } = limits;
    this.#places = new Places({ atOnce, inAll, failuresPerSecond, isBusy: this.#isBusy });
  }

  /**
   * Where nobody is before it, it begins at once.
   * @returns what says that it is gone, which may be said again, or after it was proven; null where the line is full
   */
  join(newcomer: Newcomer): (() => void) | null {
    const network = this.#networkOf(newcomer.address);
    if (!this.#hasRoomFor(network)) {
      this.#release(network);
      return null;
    }
    const visitor: Visitor = { ...newcomer, network, waitsSince: performance.now() };
    this.#visitors.set(newcomer.name, visitor);
    this.#here.add(visitor);
    network.waiting.add(visitor);
    this.#waiting.add(visitor);
    this.#line(network);
    this.#advance();
    this.#awaitExpiry();
    return () => this.#remove(visitor, false);
  }

  /** A few networks with long lines of their own leave half of the places to all others. */
  #hasRoomFor({ waiting: { size } }: Network): boolean {
    const { waiting, waitingPerAddress } = this.#limits;
    if (this.#waiting.size >= waiting || size >= waitingPerAddress) return false;
    return this.#waiting.size < waiting / 2 || size < waitingPerAddress / FEW_SHARE;
  }

  figures(): LineFigures {
    const [first] = this.#waiting;
    const longestWait = first === undefined ? 0 : performance.now() - first.waitsSince;
    return { waiting: this.#waiting.size, longestWait, unproven: this.#places.taken };
  }

  /** The registry stands behind it. */
  prove(name: SocketName): void {
    const visitor = this.#visitors.get(name);
    if (visitor !== undefined) this.#remove(visitor, true);
  }

  #remove(visitor: Visitor, isProven: boolean): void {
    if (!this.#here.delete(visitor)) return; // its network may be another object by now
    if (this.#visitors.get(visitor.name) === visitor) this.#visitors.delete(visitor.name);
    const { network } = visitor;
    this.#waiting.delete(visitor);
    network.waiting.delete(visitor);
    network.places.leave(visitor, { isProven });
    this.#places.leave(visitor, { isProven });
    this.#line(network);
    this.#advance();
  }

  /** Begins as many handshakes as there is room for, one of each network in turn. */
  #advance(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const network of this.#ready) {
      const now = performance.now();
      const wait = this.#places.wait(now);
      if (wait > 0) {
        this.#pause = after(wait, () => this.#advance());
        return;
      }
      this.#ready.delete(network);
      const [visitor] = network.waiting;
      if (visitor === undefined) continue;
      network.waiting.delete(visitor);
      this.#waiting.delete(visitor);
      network.places.take(visitor, now);
      this.#places.take(visitor, now);
      this.#line(network); // behind the others
      visitor.begin();
    }
  }

  /** Puts the network where it belongs by what is under way of it and who waits. */
  #line(network: Network): void {
    clearTimeout(network.pause);
    network.pause = undefined;
    if (network.waiting.size === 0) {
      this.#ready.delete(network);
      this.#release(network);
      return;
    }
    const wait = network.places.wait(performance.now());
    if (wait === 0) {
      this.#ready.add(network);
      return;
    }
    this.#ready.delete(network);
    network.pause = after(wait, () => {
      this.#line(network);
      this.#advance();
    });
  }

  #awaitExpiry(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#expiry !== undefined) return;
    const { waitingTime } = this.#limits;
    this.#expiry = after(first.waitsSince + waitingTime - performance.now(), () => {
      this.#expiry = undefined;
      for (const visitor of this.#waiting) {
        if (performance.now() - visitor.waitsSince < waitingTime) break;
        this.#remove(visitor, false);
        visitor.giveUp();
      }
      this.#awaitExpiry();
    });
  }

  #networkOf(address: string): Network {
    const name = networkOf(address);
    const known = this.#networks.get(name);
    if (known !== undefined) return known;
    const { handshakesPerAddress: atOnce, unprovenPerAddress: inAll } = this.#limits;
    const { failuresPerSecondPerAddress: failuresPerSecond } = this.#limits;
    const places = new Places({ atOnce, inAll, failuresPerSecond, isBusy: this.#isBusy });
    const network: Network = { name, places, waiting: new Set(), pause: undefined };
    this.#networks.set(name, network);
    return network;
  }

  /** Forgets a network of which there is nobody, but one that comes right back finds its allowance as it left it. */
  #release(network: Network): void {
    if (network.waiting.size > 0 || !network.places.areEmpty) return;
    clearTimeout(network.pause);
    const debt = network.places.debt(performance.now());
    if (debt > 0) network.pause = after(debt, () => this.#release(network));
    else this.#networks.delete(network.name);
  }
}

/** What waits for others alone needs no timer: they tell when they go. */
function after(wait: number, act: () => void): NodeJS.Timeout | undefined {
  return wait === Number.POSITIVE_INFINITY ? undefined : setTimeout(act, Math.ceil(wait)).unref();
}
