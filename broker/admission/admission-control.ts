/** Whether the registry lets a peer in, and with what: asked for every connection, resumed TLS session or not. */
import type { Clock } from '../../core/clock.ts';
import { GatehouseError } from '../../core/errors.ts';
import { bindPolicy } from '../../core/policy/grants.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { Admission } from '../../registry/records.ts';
import { checkStanding, findStanding } from '../../registry/standing.ts';
import type { VerifiedPeer } from '../../runtime/peer-certificate.ts';
import type { PolicyCache } from './policy-cache.ts';
import type { Standing } from './standing.ts';

export interface AdmissionControlOptions {
  readonly registry: RegistryReader;
  readonly policies: PolicyCache;
  readonly clock: Clock;
  /** ms for which the journal could not be read; 0 while it can. */
  readonly journalSilence: () => number;
  /** ms of silence from which on nobody is admitted. */
  readonly maxJournalSilence: number;
}

export class AdmissionControl {
  readonly #options: AdmissionControlOptions;

  constructor(options: AdmissionControlOptions) {
    this.#options = options;
  }

  /** @throws GatehouseError naming the rule that refuses; `registry_unavailable` where it cannot be asked */
  async admit(peer: VerifiedPeer): Promise<Standing> {
    const { clock, policies, journalSilence, maxJournalSilence } = this.#options;
    // A session that is admitted now could not be cut off later.
    if (journalSilence() > maxJournalSilence) {
      throw new GatehouseError('registry_unavailable', 'the journal cannot be read');
    }
    const record = await this.#lookUp(peer);
    checkStanding(record, peer, { now: clock.now() });
    const { id, group, attributes } = record.device;
    const subject = { id, group, attributes };
    const grants = bindPolicy(policies.parse(record.policy), subject);
    const { issuer, notAfter, renews, firstUsedAt } = record.certificate;
    const { seq, revokedSeq } = record;
    const isFirstUse = renews !== null && firstUsedAt === null;
    return { subject, grants, issuer, notAfter, seq, revokedSeq, isFirstUse };
  }

  async #lookUp(peer: VerifiedPeer): Promise<Admission> {
    const { registry } = this.#options;
    try {
      return await findStanding(registry, peer);
    } catch (error) {
      if (error instanceof GatehouseError) throw error;
      throw new GatehouseError('registry_unavailable', undefined, { cause: error });
    }
  }
}
