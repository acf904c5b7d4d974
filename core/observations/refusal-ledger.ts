/**
 * Gathers refusals until they are handed on: those that differ in nothing but their time are one entry with a count.
 * Bounded however many there are: so many entries a device, so many in all, of which the one not seen for longest makes
 * room. What is only claimed has a ledger of its own, and so have those who claim nothing, by their addresses: they can
 * push out nothing of a real device's.
 */
import type { DeviceId } from '../ids.ts';
import type { CountedRefusal, DeviceRefusal, Refusal, RefusedClaim, RefusedStranger } from './refusal.ts';
import { MAX_TOPIC_SHOWN, shownText } from './refusal.ts';

export interface LedgerLimits {
  /** Entries of one device, one claim, or one address. */
  readonly each: number;
  /** Entries in all. */
  readonly total: number;
}

/** Whoever the entries are of: devices, claims, or addresses. Those not seen for longest come first, on both levels. */
class Ledger<Owner> {
  readonly #limits: LedgerLimits;
  readonly #owners = new Map<Owner, Map<string, CountedRefusal>>();
  #size = 0;

  constructor(limits: LedgerLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  note(owner: Owner, key: string, refusal: Refusal, now: number, count = 1): void {
    const entries = this.#owners.get(owner) ?? new Map<string, CountedRefusal>();
    const before = entries.get(key);
    // Deleted first: what is set anew goes to the end.
    entries.delete(key);
    entries.set(key, {
      ...refusal,
      count: (before?.count ?? 0) + count,
      firstAt: before?.firstAt ?? now,
      lastAt: now,
    });
    this.#owners.delete(owner);
    this.#owners.set(owner, entries);
    if (before === undefined) this.#size++;
    if (entries.size > this.#limits.each) this.#dropOldest(owner, entries);
    if (this.#size > this.#limits.total) this.#dropOldestOfAll();
  }

  /** Takes up to `most` of them out, those of one owner after another. */
  take(most: number): { readonly owner: Owner; readonly entry: CountedRefusal }[] {
    const taken: { readonly owner: Owner; readonly entry: CountedRefusal }[] = [];
    for (const [owner, entries] of this.#owners) {
      for (const [key, entry] of entries) {
        if (taken.length === most) return taken;
        taken.push({ owner, entry });
        this.#remove(owner, entries, key);
      }
    }
    return taken;
  }

  #dropOldestOfAll(): void {
    const [oldest] = this.#owners;
    if (oldest !== undefined) this.#dropOldest(...oldest);
  }

  #dropOldest(owner: Owner, entries: Map<string, CountedRefusal>): void {
    const [key] = entries.keys();
    if (key !== undefined) this.#remove(owner, entries, key);
  }

  #remove(owner: Owner, entries: Map<string, CountedRefusal>, key: string): void {
    entries.delete(key);
    this.#size--;
    if (entries.size === 0) this.#owners.delete(owner);
  }
}

export interface RefusalLedgerLimits {
  readonly devices: LedgerLimits;
  readonly claims: LedgerLimits;
  readonly strangers: LedgerLimits;
}

export const defaultLedgerLimits: RefusalLedgerLimits = {
  devices: { each: 20, total: 2_000 },
  claims: { each: 5, total: 200 },
  strangers: { each: 5, total: 200 },
};

export interface TakenRefusals {
  readonly refusals: DeviceRefusal[];
  readonly claims: RefusedClaim[];
  readonly strangers: RefusedStranger[];
}

export class RefusalLedger {
  readonly #devices: Ledger<DeviceId>;
  readonly #claims: Ledger<DeviceId>;
  /** By IP address. */
  readonly #strangers: Ledger<string>;

  constructor({ devices, claims, strangers }: RefusalLedgerLimits = defaultLedgerLimits) {
    this.#devices = new Ledger(devices);
    this.#claims = new Ledger(claims);
    this.#strangers = new Ledger(strangers);
  }

  get size(): number {
    return this.#devices.size + this.#claims.size + this.#strangers.size;
  }

  /** @param now ms since the epoch @param count how many times */
  note(device: DeviceId, refusal: Refusal, now: number, count = 1): void {
    const cut = withinLengths(refusal);
    // Neither action nor rule holds a line break, so no topic can look like another entry's key.
    this.#devices.note(device, `${cut.action}\n${cut.rule}\n${cut.topic ?? ''}`, cut, now, count);
  }

  noteClaim(claimed: DeviceId, refusal: Refusal, now: number): void {
    const cut = withinLengths(refusal);
    this.#claims.note(claimed, `${cut.rule}\n${cut.address}`, cut, now);
  }

  noteStranger(refusal: Refusal, now: number): void {
    const cut = withinLengths(refusal);
    this.#strangers.note(cut.address, cut.rule, cut, now);
  }

  /** Takes up to `most` of each out. */
  take(most: number): TakenRefusals {
    return {
      refusals: this.#devices.take(most).map(({ owner, entry }) => ({ device: owner, ...entry })),
      claims: this.#claims.take(most).map(({ owner, entry }) => ({ claimed: owner, ...entry })),
      strangers: this.#strangers.take(most).map(({ entry }) => entry),
    };
  }
}

function withinLengths(refusal: Refusal): Refusal {
  const { topic, detail, clientId, serialNumber } = refusal;
  return {
    ...refusal,
    topic: topic === null ? null : shownText(topic, MAX_TOPIC_SHOWN),
    detail: shownText(detail),
    clientId: clientId === null ? null : shownText(clientId),
    serialNumber: serialNumber === null ? null : shownText(serialNumber),
  };
}
