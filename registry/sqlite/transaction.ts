/**
 * One caller's part of a write: the look-ups and changes of the port on the writing connection, for as long
 * as the caller's `work` runs. Begin, commit and rollback are the write queue's.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunResult } from 'better-sqlite3';
import { GatehouseError } from '../../core/errors.ts';
import {
  type DeviceId,
  type EntityName,
  type Fingerprint,
  quote,
  type SerialNumber,
} from '../../core/ids.ts';
import { nextRow } from '../../core/journal/chain.ts';
import type { Actor, JournalEvent } from '../../core/journal/events.ts';
import type { CrlShards } from '../../core/pki/crl-names.ts';
import type { RevocationReason } from '../../core/pki/revocation-reason.ts';
import type { HousekeepingTransaction } from '../port/housekeeping.ts';
import type { DeviceUpdate, RegistryTransaction, RequestUpdate } from '../port/transaction.ts';
import type {
  CertificateRecord,
  CertificateStatus,
  CrlRecord,
  CrossCertificateRecord,
  DeviceRecord,
  DocumentRecord,
  FactoryUseRecord,
  GroupRecord,
  ManufacturerRecord,
  NewIssuer,
  OperatorRecord,
  RequestRecord,
  TokenRecord,
} from '../records.ts';
import { SqliteHousekeeping } from './housekeeping.ts';
import type { ReadStatements } from './read-statements.ts';
import { SqliteReader } from './reader.ts';
import { fromDevice, fromJournalRow, USUAL_REASON } from './rows.ts';
import { TransactionState } from './transaction-state.ts';
import type { WriteStatements } from './write-statements.ts';

interface TransactionOptions {
  readonly reads: ReadStatements;
  readonly writes: WriteStatements;
  readonly actor: Actor;
  /** Milliseconds since the Unix epoch: one moment for all that happens in the transaction. */
  readonly now: number;
}

export class SqliteTransaction extends SqliteReader implements RegistryTransaction {
  readonly #writes: WriteStatements;
  readonly #actor: Actor;
  readonly #now: number;
  readonly #state = new TransactionState();

  constructor({ reads, writes, actor, now }: TransactionOptions) {
    super(reads);
    this.#writes = writes;
    this.#actor = actor;
    this.#now = now;
  }

  /** Runs `work` from its beginning to its end, after which the transaction cannot be used any more. */
  run<T>(work: (transaction: RegistryTransaction) => Promise<T>): Promise<T> {
    return this.#state.run(() => work(this));
  }

  protected override get reads(): ReadStatements {
    this.#state.checkUsable();
    return super.reads;
  }

  async insertDevice(device: DeviceRecord) {
    this.#change((writes) => writes.insertDevice.run(fromDevice(device)));
  }

  async updateDevice(id: DeviceId, { status, group, attributes }: DeviceUpdate) {
    const update = {
      id,
      status: status ?? null,
      group: group ?? null,
      attributes: attributes === undefined ? null : JSON.stringify(attributes),
      changedAt: this.#now,
    };
    this.#change(
      (writes) => writes.updateDevice.run(update),
      () =>
        this.reads.device.get(id) === undefined
          ? noDevice(id)
          : new GatehouseError('device_revoked', `device ${quote(id)} is revoked`),
    );
  }

  async reinstateDevice(id: DeviceId) {
    this.#change(
      (writes) => writes.reinstateDevice.run(this.#now, id),
      () => noDevice(id),
    );
  }

  async insertCertificate(certificate: CertificateRecord) {
    this.#change((writes) => writes.insertCertificate.run(certificate));
    this.#change(({ recordEnrolled }) => recordEnrolled.run(certificate));
  }

  async setCertificateStatus(
    serialNumbers: readonly SerialNumber[],
    status: CertificateStatus,
    at: number,
    reason?: RevocationReason,
  ) {
    const change =
      status === 'active'
        ? { status, revokedAt: null, reason: null }
        : { status, revokedAt: at, reason: reason ?? USUAL_REASON[status] };
    for (const serialNumber of serialNumbers) {
      this.#change(
        (writes) => writes.setCertificateStatus.run({ serialNumber, ...change }),
        () => new Error(`There is no certificate ${serialNumber}`),
      );
    }
  }

  async raiseToCompromised(serialNumbers: readonly SerialNumber[]) {
    for (const serialNumber of serialNumbers) {
      this.#change(
        (writes) => writes.raiseToCompromised.run(serialNumber),
        () => new Error(`There is no revoked certificate ${serialNumber}`),
      );
    }
  }

  async recordFirstUse(serialNumber: SerialNumber, at: number) {
    this.#change(
      (writes) => writes.recordFirstUse.run(at, serialNumber),
      () => new Error(`There is no certificate ${serialNumber}`),
    );
  }

  async putGroup(group: GroupRecord) {
    this.#change((writes) => writes.putGroup.run(group));
  }

  async putPolicy(policy: DocumentRecord) {
    this.#change((writes) => writes.putPolicy.run(policy));
  }

  async putProfile(profile: DocumentRecord) {
    this.#change((writes) => writes.putProfile.run(profile));
  }

  async insertToken(token: TokenRecord) {
    this.#change((writes) => writes.insertToken.run(token));
  }

  async recordTokenUse(tokenId: string, keyFingerprint: Fingerprint, serialNumber: SerialNumber) {
    const known = this.reads.token.get(tokenId) !== undefined;
    this.#change(
      (writes) => writes.countTokenUse.run(tokenId),
      () => (known ? new GatehouseError('token_spent') : new GatehouseError('token_unknown')),
    );
    this.#change(
      (writes) => writes.insertTokenUse.run(tokenId, keyFingerprint, serialNumber),
      () => new Error(`Token ${tokenId} was used for this key before`),
    );
  }

  async revokeToken(tokenId: string, at: number) {
    this.#change(
      (writes) => writes.revokeToken.run(at, tokenId),
      () => new GatehouseError('token_unknown', `there is no token ${quote(tokenId)}`),
    );
  }

  async putManufacturer(manufacturer: ManufacturerRecord) {
    this.#change((writes) => writes.putManufacturer.run(manufacturer));
  }

  async removeManufacturer(name: EntityName) {
    this.#change(
      (writes) => writes.removeManufacturer.run(name),
      () => new GatehouseError('manufacturer_unknown', `there is no manufacturer ${quote(name)}`),
    );
  }

  async putFactoryUse(use: FactoryUseRecord) {
    this.#change((writes) => writes.putFactoryUse.run(use));
  }

  async recordRelease(device: DeviceId, at: number) {
    this.#change((writes) => writes.recordRelease.run(device, at));
  }

  async endRelease(device: DeviceId) {
    this.#change((writes) => writes.endRelease.run(device));
  }

  async insertRequest(request: Omit<RequestRecord, 'id'>): Promise<RequestRecord> {
    const { lastInsertRowid } = this.#change((writes) => writes.insertRequest.run(request));
    return { ...request, id: Number(lastInsertRowid) };
  }

  async updateRequest(id: number, change: RequestUpdate) {
    this.#change(
      (writes) => writes.updateRequest.run({ id, ...change }),
      () => new Error(`There is no request ${id}`),
    );
  }

  async removeRequest(id: number) {
    this.#change(
      (writes) => writes.removeRequest.run(id),
      () => new Error(`There is no request ${id}`),
    );
  }

  async insertIssuer(issuer: NewIssuer) {
    this.#change((writes) => writes.insertIssuer.run(issuer));
  }

  async setIssuerStatus(fingerprint: Fingerprint, status: 'retiring' | 'retired', at: number) {
    const retiredAt = status === 'retired' ? at : null;
    this.#change(
      (writes) => writes.setIssuerStatus.run({ fingerprint, status, retiredAt }),
      () => new GatehouseError('issuer_unknown', `there is no issuer ${fingerprint}`),
    );
  }

  async insertCrossCertificate(certificate: CrossCertificateRecord) {
    this.#change((writes) => writes.insertCrossCertificate.run(certificate));
  }

  async putCrlNumber(issuer: Fingerprint, number: bigint) {
    this.#change((writes) => writes.putCrlNumber.run(issuer, number));
  }

  async putCrlSharding(issuer: Fingerprint, shards: CrlShards) {
    this.#change((writes) => writes.putCrlSharding.run(issuer, shards));
  }

  async keepCrl(crl: CrlRecord) {
    this.#change((writes) => writes.keepCrl.run(crl));
  }

  async insertOperator(operator: OperatorRecord) {
    this.#change(
      (writes) => writes.insertOperator.run(operator),
      () => new GatehouseError('operator_exists', `there is an operator ${operator.name}`),
    );
  }

  async removeOperator(name: EntityName) {
    this.#change(
      (writes) => writes.removeOperator.run(name),
      () => new GatehouseError('operator_unknown', `there is no operator ${quote(name)}`),
    );
  }

  async blockKey(keyFingerprint: Fingerprint, note: string, at: number) {
    this.#change((writes) => writes.blockKey.run(keyFingerprint, note, at));
  }

  async unblockKey(keyFingerprint: Fingerprint) {
    this.#change(
      (writes) => writes.unblockKey.run(keyFingerprint),
      () => new GatehouseError('key_not_blocked', `the key ${keyFingerprint} is not on the block-list`),
    );
  }

  get housekeeping(): HousekeepingTransaction {
    this.#state.checkUsable();
    return new SqliteHousekeeping(this.#writes.housekeeping, (run) => this.#change(run));
  }

  async append(event: JournalEvent) {
    const head = this.reads.journalHead.get();
    this.#change((writes) =>
      writes.append.run(fromJournalRow(nextRow(head, { time: this.#now, actor: this.#actor, event }))),
    );
    this.#state.eventAppended();
  }

  /** The write queue begins nothing before this transaction has ended, so nobody else is on its connection. */
  async pause() {
    this.#state.checkUsable();
    await nextTurn();
  }

  #change(run: (writes: WriteStatements) => RunResult, refusal?: () => Error): RunResult {
    return this.#state.change(() => run(this.#writes), refusal);
  }
}

function noDevice(id: DeviceId): GatehouseError {
  return new GatehouseError('device_unknown', `there is no device ${quote(id)}`);
}
