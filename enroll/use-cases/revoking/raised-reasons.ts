/**
 * Certificates that were revoked for some reason, and whose keys turn out to be compromised: others are told so, by CRL,
 * OCSP and journal, and no certificate is issued for such a key again. When they were revoked stays as it was said.
 */
import type { Fingerprint } from '../../../core/ids.ts';
import type { RegistryTransaction } from '../../../registry/port/transaction.ts';
import type { CertificateRecord } from '../../../registry/records.ts';
import { JournalBatches } from '../../bulk/journal-batches.ts';

export type RaisedCertificate = Pick<CertificateRecord, 'serialNumber' | 'issuer' | 'device'>;
type Told = Omit<RaisedCertificate, 'issuer'>;

export class RaisedReasons {
  readonly #transaction: RegistryTransaction;
  readonly #journal: JournalBatches<Fingerprint, Told>;

  constructor(transaction: RegistryTransaction) {
    this.#transaction = transaction;
    this.#journal = new JournalBatches((subject, certificates) => {
      const data = { reason: 'keyCompromise', count: certificates.length, certificates } as const;
      return transaction.append({ action: 'revocations.raised', subject, data });
    });
  }

  async raise(certificates: readonly RaisedCertificate[]): Promise<void> {
    await this.#transaction.raiseToCompromised(certificates.map(({ serialNumber }) => serialNumber));
    for (const { serialNumber, issuer, device } of certificates) {
      await this.#journal.add(issuer, { serialNumber, device });
    }
  }

  /** Appends what is left of the journal's rows. */
  end(): Promise<void> {
    return this.#journal.end();
  }
}
