/**
 * Files what the broker refuses: with the device where it has proven to be one, apart where it only claims to be, and by its
 * address where it claims nothing. In a handshake that fails, nobody has: a certificate comes last there, and with its proof.
 * The proof is the very certificate: its SHA-256 is one that the registry has for that device, and TLS has proven that
 * the peer holds its key. That a chain verifies proves less: OpenSSL tells of one error alone, so a forgery that has
 * expired is called expired.
 */
import type { Clock } from '../../core/clock.ts';
import { type DeviceId, isDeviceId } from '../../core/ids.ts';
import type { Refusal } from '../../core/observations/refusal.ts';
import type { RefusalLedger } from '../../core/observations/refusal-ledger.ts';
import type { RegistryReader } from '../../registry/port/reader.ts';
import type { PeerCertificate } from '../../runtime/peer-certificate.ts';
import type { Connection } from '../sessions/connection.ts';

export interface RefusalsOptions {
  readonly ledger: RefusalLedger;
  readonly registry: Pick<RegistryReader, 'certificate'>;
  readonly clock: Clock;
  readonly onNote: () => void;
}

/** What a refusal is about, beside who was refused. */
export type Refused = Pick<Refusal, 'action' | 'rule' | 'topic' | 'detail'>;

export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Of a session that was admitted. */
  ofSession({ device, peer, clientId, address }: Connection, refused: Refused): void {
    this.#note(device, { ...refused, serialNumber: peer.serialNumber, clientId, address });
  }

  /** Of a session whose device need not be connected. @param count how many times */
  ofOwner(device: DeviceId, clientId: string, refused: Refused, count = 1): void {
    this.#note(device, { ...refused, serialNumber: null, clientId, address: '' }, count);
  }

  /** Of a connection that was not admitted. */
  async ofPeer(
    certificate: PeerCertificate | undefined,
    refused: Refused & Pick<Refusal, 'clientId' | 'address'>,
  ): Promise<void> {
    const { commonName: claimed, serialNumber = null } = certificate ?? {};
    const refusal = { ...refused, serialNumber };
    if (certificate === undefined || typeof claimed !== 'string' || !isDeviceId(claimed)) {
      this.#noteStranger(refusal);
    } else if (await this.#isProven(certificate, claimed)) this.#note(claimed, refusal);
    else {
      const { ledger, clock, onNote } = this.#options;
      ledger.noteClaim(claimed, refusal, clock.now());
      onNote();
    }
  }

  /** Of a TLS handshake that came to nothing. */
  ofHandshake(address: string, detail: string): void {
    const rule = 'tls_handshake_failed';
    const [topic, serialNumber, clientId] = [null, null, null];
    this.#noteStranger({ action: 'connect', rule, topic, detail, serialNumber, clientId, address });
  }

  #noteStranger(refusal: Refusal): void {
    const { ledger, clock, onNote } = this.#options;
    ledger.noteStranger(refusal, clock.now());
    onNote();
  }

  #note(device: DeviceId, refusal: Refusal, count = 1): void {
    const { ledger, clock, onNote } = this.#options;
    ledger.note(device, refusal, clock.now(), count);
    onNote();
  }

  /** Where the registry cannot be asked, nothing is proven. */
  async #isProven({ fingerprint }: PeerCertificate, claimed: DeviceId): Promise<boolean> {
    try {
      return (await this.#options.registry.certificate(fingerprint))?.device === claimed;
    } catch {
      return false;
    }
  }
}
