/**
 * Devices that are revoked for good: what they have stored goes, once for each revocation. The journal's reader brings
 * them in order. A device that was reinstated and is back before the reader has come to its revocation does not find
 * what it had: there its revocation takes effect ahead of the others', and the reader leaves alone what is new.
 */
import type { DeviceId } from '../../core/ids.ts';
import type { Standing } from '../admission/standing.ts';
import type { AppliedRevocations, JournalPlace } from '../persistence/applied-revocations.ts';
import type { CutOff } from './cut-off.ts';
import type { LiveTable } from './live-table.ts';

/** Devices whose stored sessions may be on their way out before the journal's next row waits for them: each takes some memory. */
const MOST_UNDER_WAY = 10_000;

export interface RevocationsOptions {
  readonly applied: Pick<AppliedRevocations, 'isOutstanding' | 'isAhead' | 'noteAhead' | 'noteApplied'>;
  readonly live: LiveTable;
  readonly cutOff: Pick<CutOff, 'cutAll' | 'discard'>;
  /** They are revoked for good, and nothing of them is left. */
  readonly onRevoked: (devices: readonly DeviceId[]) => void;
}

export class Revocations {
  readonly #options: RevocationsOptions;
  /** Whose stored sessions are being removed. */
  readonly #underWay = new Map<DeviceId, Promise<void>>();

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Before a device is let in: nothing that it had before its last revocation is there any more. */
  async settle({ subject, seq, revokedSeq }: Standing, now: number): Promise<void> {
    const { applied, live, cutOff } = this.#options;
    const device = subject.id;
    if (revokedSeq === null || !applied.isOutstanding(device, revokedSeq)) return;
    const before = live
      .openOf(device)
      .filter(({ standing }) => standing !== null && standing.seq < revokedSeq);
    await cutOff.cutAll(before, 'device_revoked', now);
    await this.#discard([device]);
    applied.noteAhead(device, seq);
  }

  /**
   * The devices that this row of the journal revokes, their connections cut. What they have stored goes behind it: that waits
   * for the disk, and the next row may be the revocation of somebody who is connected yet. Resolves when that may be read.
   */
  async apply(devices: readonly DeviceId[], seq: number): Promise<void> {
    const { applied, onRevoked } = this.#options;
    const outstanding = devices.filter((device) => !applied.isAhead(device, seq));
    const discarding = this.#discard(outstanding).then(
      () => onRevoked(outstanding),
      () => {}, // the store has told of it, and ends everything
    );
    if (this.#underWay.size > MOST_UNDER_WAY) await discarding;
  }

  /** Every row up to this one has been applied: it counts once nothing is left of those whom they revoke. */
  async noteApplied(place: JournalPlace): Promise<void> {
    try {
      await Promise.all(this.#underWay.values());
    } catch {
      return; // nothing was removed: the next start finds it so
    }
    this.#options.applied.noteApplied(place);
  }

  /** Whoever asks for it while it is under way waits for that: begun anew, it would take what the device stores next. */
  async #discard(devices: readonly DeviceId[]): Promise<void> {
    const fresh = devices.filter((device) => !this.#underWay.has(device));
    const discarding = this.#options.cutOff.discard(fresh);
    for (const device of fresh) this.#underWay.set(device, discarding);
    try {
      await Promise.all(devices.map((device) => this.#underWay.get(device)));
    } finally {
      for (const device of fresh) this.#underWay.delete(device);
    }
  }
}
