/** Whether the registry lets a peer in, and with what: asked for every connection, resumed TLS session or not. */
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import { bindPolicy } from '../../core/policy/grants.ts';
import type { RegistryView } from '../../registry/port/registry.ts';
import type { Admission } from '../../registry/records.ts';
import { checkStanding, findStanding } from '../../registry/standing.ts';
import type { VerifiedPeer } from '../../runtime/peer-certificate.ts';
import type { PolicyCache } from './policy-cache.ts';
import type { Standing } from './standing.ts';

export interface AdmissionControlOptions {
  readonly registry: Pick<RegistryView, 'admission' | 'certificateBySerial' | 'version'>;
  readonly policies: PolicyCache;
  readonly clock: Clock;
  /** ms for which the journal could not be read; 0 while it can. */
  readonly journalSilence: () => number;
  /** ms of silence from which on nobody is admitted. */
  readonly maxJournalSilence: number;
}

/** What the registry held of a peer when it was asked. */
export interface Finding {
  readonly record: Admission;
  /** Of the registry, no later than that. */
  readonly version: number;
}

export class AdmissionControl {
  readonly #options: AdmissionControlOptions;

  constructor(options: AdmissionControlOptions) {
    this.#options = options;
  }

  /** Whether the peer stands. @throws GatehouseError naming the rule that refuses; `registry_unavailable` where it cannot be asked */
  async look(peer: VerifiedPeer): Promise<Finding> {
    return await this.#check(peer, undefined);
  }

  /**
   * What the peer stands on.
   * @param known what was found of it before: as long as nothing has been committed since, only the time is checked again
   * @throws GatehouseError as `look`
   */
  async admit(peer: VerifiedPeer, known?: Finding): Promise<Standing> {
    const { record } = await this.#check(peer, known);
    const { id, group, attributes } = record.device;
    const subject = { id, group, attributes };
    const grants = bindPolicy(this.#options.policies.parse(record.policy), subject);
    const { issuer, notAfter, renews, firstUsedAt } = record.certificate;
    const { seq, revokedSeq } = record;
    const isFirstUse = renews !== null && firstUsedAt === null;
    return { subject, grants, issuer, notAfter, seq, revokedSeq, isFirstUse };
  }

  async #check(peer: VerifiedPeer, known: Finding | undefined): Promise<Finding> {
    const { clock, journalSilence, maxJournalSilence } = this.#options;
    // A session that is admitted now could not be cut off later.
    if (journalSilence() > maxJournalSilence) {
      throw new GatehouseError('registry_unavailable', 'the journal cannot be read');
    }
    const found = await this.#find(peer, known);
    checkStanding(found.record, peer, { now: clock.now() });
    return found;
  }

  /** The version is read before the record, so that what is committed in between counts as a change. */
  async #find(peer: VerifiedPeer, known: Finding | undefined): Promise<Finding> {
    const { registry } = this.#options;
    try {
      const version = await registry.version();
      if (known?.version === version) return known;
      return { record: await findStanding(registry, peer), version };
    } catch (error) {
      if (error instanceof GatehouseError) throw error;
      throw new GatehouseError('registry_unavailable', undefined, { cause: error });
    }
  }
}
