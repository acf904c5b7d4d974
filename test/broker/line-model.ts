/** A waiting line under test, and beside it who waits, who has begun, and what lets the next one begin. */
import { type SocketName, socketName } from '../../broker/front/socket-name.ts';
import { type LineLimits, WaitingLine } from '../../broker/front/waiting-line.ts';

const SECOND = 1_000;
/** Seconds' worth of failures that may come at once. */
const BURST_S = 10;
/** ms within which the line notices that the process is not busy any more. */
const BUSY_MS = 250;

export const limits: LineLimits = {
  ...{ handshakes: 4, handshakesPerAddress: 2, unproven: 9, unprovenPerAddress: 5 },
  ...{ failuresPerSecond: 1, failuresPerSecondPerAddress: 0.5 },
  ...{ waiting: 16, waitingPerAddress: 8, waitingTime: 20_000 },
};

/** By the network that each counts for: two of one /64, and IPv4 addresses by themselves. */
const addresses = {
  six: ['2001:db8::1', '2001:db8::ffff:1'],
  one: ['192.0.2.1', '192.0.2.1'],
  two: ['192.0.2.2', '192.0.2.2'],
  three: ['192.0.2.3', '192.0.2.3'],
} as const;
export type NetworkName = keyof typeof addresses;
export const networkNames = Object.keys(addresses) as NetworkName[];

interface Peer {
  readonly network: NetworkName;
  readonly name: SocketName;
  readonly joinedAt: number;
  state: 'waiting' | 'begun' | 'gone';
  begunAt: number;
  leave: () => void;
}

interface Bounds {
  readonly atOnce: number;
  readonly inAll: number;
  readonly failures: number;
}

/** What is under way of one network, or in all. */
class Group {
  /** In the order they came. */
  readonly peers: Peer[] = [];
  /** Since when only others keep it from beginning, and how often each of them has begun since. */
  turn: { readonly since: number; readonly others: Map<Group, number> } | null = null;
  readonly #bounds: Bounds;
  readonly #busySince: () => number;
  /** ms that failures have left of what they may take; each takes its part of a second. */
  #left = BURST_S * SECOND;
  #countedAt = performance.now();

  /** @param busySince when the process began to be busy; now, where it is not */
  constructor(bounds: Bounds, busySince: () => number) {
    this.#bounds = bounds;
    this.#busySince = busySince;
  }

  in(state: Peer['state']): readonly Peer[] {
    return this.peers.filter((peer) => peer.state === state);
  }

  get mayBegin(): boolean {
    const { atOnce, inAll } = this.#bounds;
    this.#count();
    return this.in('begun').length < inAll && this.#recent < atOnce && this.#left >= this.#cost;
  }

  get isWithinBounds(): boolean {
    const { atOnce, inAll } = this.#bounds;
    this.#count();
    return this.in('begun').length <= inAll && this.#recent <= atOnce && this.#left >= 0;
  }

  spend(): void {
    this.#count();
    this.#left -= this.#cost;
  }

  giveBack(): void {
    this.#count();
    this.#left = Math.min(this.#left + this.#cost, BURST_S * SECOND);
  }

  get #cost(): number {
    return SECOND / this.#bounds.failures;
  }

  #count(): void {
    const now = performance.now();
    this.#left = Math.min(this.#left + now - this.#countedAt, BURST_S * SECOND);
    this.#countedAt = now;
  }

  /** While the process is busy nobody gets any older. */
  get #recent(): number {
    const from = this.#busySince() - SECOND;
    return this.in('begun').filter(({ begunAt }) => begunAt > from).length;
  }
}

export class LineModel {
  readonly #line: WaitingLine;
  readonly #all: Group;
  readonly #groups: Readonly<Record<NetworkName, Group>>;
  #busySince: number | null = null;
  #busyUntil = Number.NEGATIVE_INFINITY;

  constructor() {
    const isBusy = () => this.#busySince !== null;
    this.#line = new WaitingLine(limits, {
      get isBusy() {
        return isBusy();
      },
    });
    const { handshakes, unproven, failuresPerSecond } = limits;
    const { handshakesPerAddress, unprovenPerAddress, failuresPerSecondPerAddress } = limits;
    const busySince = () => this.#busySince ?? performance.now();
    const ofAll = { atOnce: handshakes, inAll: unproven, failures: failuresPerSecond };
    this.#all = new Group(ofAll, busySince);
    const group = () =>
      new Group(
        {
          ...{ atOnce: handshakesPerAddress, inAll: unprovenPerAddress },
          failures: failuresPerSecondPerAddress,
        },
        busySince,
      );
    this.#groups = { six: group(), one: group(), two: group(), three: group() };
  }

  // What may happen

  join(network: NetworkName, form: 0 | 1, remotePort: number): void {
    const address = addresses[network][form];
    const name = socketName({
      ...{ remoteAddress: address, remotePort },
      ...{ localAddress: '192.0.2.254', localPort: 8883 },
    });
    const peer: Peer = {
      ...{ network, name, joinedAt: performance.now() },
      ...{ state: 'waiting', begunAt: 0, leave: () => {} },
    };
    const inAll = this.#all.in('waiting').length;
    const ofNetwork = this.#groups[network].in('waiting').length;
    const most = inAll < limits.waiting / 2 ? limits.waitingPerAddress : 1;
    const mayWait = inAll < limits.waiting && ofNetwork < most;
    this.#all.peers.push(peer);
    this.#groups[network].peers.push(peer);
    const leave = this.#line.join({
      ...{ address, name },
      begin: () => this.#begin(peer),
      giveUp: () => this.#giveUp(peer),
    });
    expectThat((leave !== null) === mayWait, `one more in line with ${ofNetwork} of ${inAll}: ${mayWait}`);
    if (leave === null) peer.state = 'gone';
    else peer.leave = leave;
  }

  leave(choice: number): void {
    const here = this.#all.peers.filter(({ state }) => state !== 'gone');
    this.#end(here[choice % here.length]);
  }

  leaveAll(): void {
    for (const peer of this.#all.peers) if (peer.state !== 'gone') this.#end(peer);
  }

  prove(choice: number): void {
    const begun = this.#all.in('begun');
    const peer = begun[choice % begun.length];
    // Of two with one name the earlier had gone unseen before the later came, and proves nothing.
    if (peer === undefined || this.#latest(peer.name) !== peer) return;
    peer.state = 'gone';
    this.#all.giveBack();
    this.#groups[peer.network].giveBack();
    this.#line.prove(peer.name);
    peer.leave(); // which may be said afterwards
  }

  beBusy(isBusy: boolean): void {
    const now = performance.now();
    if (this.#busySince !== null) this.#busyUntil = now;
    this.#busySince = isBusy ? (this.#busySince ?? now) : null;
  }

  // What must be so

  /** Nobody waits without a reason, nor for too long. */
  check(): void {
    const now = performance.now();
    for (const [network, group] of Object.entries(this.#groups)) {
      const [first] = group.in('waiting');
      if (first === undefined) continue;
      expectThat(now - first.joinedAt <= limits.waitingTime, `${network} waits for too long`);
      expectThat(this.#isMaybeBusy || !group.mayBegin || !this.#all.mayBegin, `${network} waits for nothing`);
    }
    this.#noteTurns();
  }

  #begin(peer: Peer): void {
    const group = this.#groups[peer.network];
    expectThat(group.in('waiting')[0] === peer, 'whoever begins is the first of its network that waits');
    this.#noteTurns();
    peer.state = 'begun';
    peer.begunAt = performance.now();
    for (const one of [this.#all, group]) {
      one.spend();
      expectThat(one.isWithinBounds, 'no more are under way than may be');
    }
    group.turn = null;
    for (const { turn } of Object.values(this.#groups)) {
      if (turn === null || turn.since === performance.now()) continue;
      const times = (turn.others.get(group) ?? 0) + 1;
      expectThat(times === 1, 'no network begins twice while another could have begun');
      turn.others.set(group, times);
    }
  }

  /** As far as the line knows. */
  get #isMaybeBusy(): boolean {
    return this.#busySince !== null || performance.now() <= this.#busyUntil + BUSY_MS;
  }

  #noteTurns(): void {
    for (const group of Object.values(this.#groups)) {
      const isNext = group.in('waiting').length > 0 && group.mayBegin && !this.#isMaybeBusy;
      if (!isNext) group.turn = null;
      else group.turn ??= { since: performance.now(), others: new Map() };
    }
  }

  #giveUp(peer: Peer): void {
    expectThat(peer.state === 'waiting', 'only who waits gives up');
    expectThat(performance.now() - peer.joinedAt >= limits.waitingTime, 'nobody gives up early');
    peer.state = 'gone';
  }

  #end(peer: Peer | undefined): void {
    if (peer === undefined) return;
    peer.state = 'gone';
    peer.leave();
    peer.leave(); // which may be said again
  }

  #latest(name: SocketName): Peer | undefined {
    return this.#all.peers.findLast((peer) => peer.name === name);
  }
}

function expectThat(is: boolean, what: string): void {
  if (!is) throw new Error(`not so: ${what}`);
}
