/**
 * Which renewed certificates have been used, for enroll to supersede those before them: each is told once, and again by
 * its next connection where nothing came of it.
 */
import type { Clock } from '../../core/clock.ts';
import type { Fingerprint } from '../../core/ids.ts';
import type { Report } from '../../registry/reports/report.ts';

/** Told, or about to be: what comes beyond them is told by a later connection. */
const MAX_TOLD = 100_000;
/** After every report. */
const UNWRITTEN = Number.POSITIVE_INFINITY;

type FirstUse = Extract<Report, { readonly kind: 'firstUse' }>;

export class FirstUses {
  readonly #clock: Clock;
  readonly #onNote: () => void;
  readonly #gathered = new Map<Fingerprint, number>();
  /** By the number of the report that tells them, or will, until that is taken in. */
  readonly #told = new Map<Fingerprint, number>();

  constructor({ clock, onNote }: { readonly clock: Clock; readonly onNote: () => void }) {
    this.#clock = clock;
    this.#onNote = onNote;
  }

  /** @param fingerprint of a certificate that renews another and, as far as the registry knows, was never used */
  note(fingerprint: Fingerprint): void {
    if (this.#told.has(fingerprint) || this.#gathered.has(fingerprint)) return;
    if (this.#told.size + this.#gathered.size >= MAX_TOLD) return;
    this.#gathered.set(fingerprint, this.#clock.now());
    this.#onNote();
  }

  take(most: number): FirstUse[] {
    const taken = [...this.#gathered].slice(0, most);
    for (const [fingerprint] of taken) {
      this.#gathered.delete(fingerprint);
      this.#told.set(fingerprint, UNWRITTEN); // it may be used again before it is written
    }
    return taken.map(([fingerprint, time]) => ({ kind: 'firstUse', fingerprint, time }));
  }

  told(report: number, fingerprint: Fingerprint): void {
    this.#told.set(fingerprint, report);
  }

  /** Enroll has acted on it by then, or never will. */
  takenIn(report: number): void {
    for (const [fingerprint, number] of this.#told) {
      if (number > report) return; // told in the order of the reports
      this.#told.delete(fingerprint);
    }
  }
}
