/** The changes to the registry, and what may change of a record. */
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { JournalEvent } from '../../core/journal/events.ts';
import type { CrlShards } from '../../core/pki/crl-names.ts';
import type { RevocationReason } from '../../core/pki/revocation-reason.ts';
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
import type { HousekeepingTransaction } from './housekeeping.ts';
import type { RegistryReader } from './reader.ts';

/** What of a device may change; what is absent stays. */
export type DeviceUpdate = Partial<Pick<DeviceRecord, 'status' | 'group' | 'attributes'>>;

/** What of a request may change. */
export type RequestUpdate = Pick<
  RequestRecord,
  'status' | 'expiresAt' | 'decidedAt' | 'decidedBy' | 'reason' | 'serialNumber'
>;

/**
 * Look-ups and changes within one transaction. It ends with the promise that `work` returns. A change that is
 * refused fails the transaction as a whole, even if `work` catches the rejection. What others depend on goes
 * first: profile and policy, group, device or token, issuer, certificate, use of a token.
 */
export interface RegistryTransaction extends RegistryReader {
  insertDevice(device: DeviceRecord): Promise<void>;
  /** Sets `changedAt` too. `revoked` stays, until `reinstateDevice`. @throws GatehouseError `device_unknown`, `device_revoked` */
  updateDevice(id: DeviceId, change: DeviceUpdate): Promise<void>;
  /** From revoked to active, once. @throws GatehouseError `device_unknown` where none is revoked under this ID */
  reinstateDevice(id: DeviceId): Promise<void>;
  /**
   * Serial numbers and fingerprints are unique: refused where the registry has them. Of certificates that have left it,
   * they are by chance alone, 126 random bits and a SHA-256.
   */
  insertCertificate(certificate: CertificateRecord): Promise<void>;
  /**
   * `at` and `reason` (where absent: `unspecified` for revoked, `certificateHold` for suspended, `superseded` for
   * superseded) tell others why it stands no more; active clears them. `revoked` is final, and so is its date.
   */
  setCertificateStatus(
    serialNumbers: readonly SerialNumber[],
    status: CertificateStatus,
    at: number,
    reason?: RevocationReason,
  ): Promise<void>;
  /** Of certificates that are revoked: for keyCompromise, from which there is no way back. Their date stays. */
  raiseToCompromised(serialNumbers: readonly SerialNumber[]): Promise<void>;
  /** The first time stays. */
  recordFirstUse(serialNumber: SerialNumber, at: number): Promise<void>;
  putGroup(group: GroupRecord): Promise<void>;
  putPolicy(policy: DocumentRecord): Promise<void>;
  putProfile(profile: DocumentRecord): Promise<void>;
  insertToken(token: TokenRecord): Promise<void>;
  /**
   * Counts one use and remembers which certificate it led to. A token and a key go together once, for as long as that
   * certificate is there.
   * @throws GatehouseError `token_spent`, `token_unknown`
   */
  recordTokenUse(tokenId: string, keyFingerprint: Fingerprint, serialNumber: SerialNumber): Promise<void>;
  /** The first revocation's time stays. @throws GatehouseError `token_unknown` */
  revokeToken(tokenId: string, at: number): Promise<void>;
  /** Adds it, or replaces the one of its name. */
  putManufacturer(manufacturer: ManufacturerRecord): Promise<void>;
  /** @throws GatehouseError `manufacturer_unknown` */
  removeManufacturer(name: EntityName): Promise<void>;
  /** Replaces the device's use before. */
  putFactoryUse(use: FactoryUseRecord): Promise<void>;
  /** The first time stays. */
  recordRelease(device: DeviceId, at: number): Promise<void>;
  /** Nothing where there is none. */
  endRelease(device: DeviceId): Promise<void>;
  /** @returns with the number that it was given, which no other request ever has */
  insertRequest(request: Omit<RequestRecord, 'id'>): Promise<RequestRecord>;
  updateRequest(id: number, change: RequestUpdate): Promise<void>;
  removeRequest(id: number): Promise<void>;
  /** One at a time of each kind is active. */
  insertIssuer(issuer: NewIssuer): Promise<void>;
  /** `retired` is final. */
  setIssuerStatus(fingerprint: Fingerprint, status: 'retiring' | 'retired', at: number): Promise<void>;
  insertCrossCertificate(certificate: CrossCertificateRecord): Promise<void>;
  /** Gives a number out: one above the last, or higher; any other is refused (RFC 5280 §5.2.3). */
  putCrlNumber(issuer: Fingerprint, number: bigint): Promise<void>;
  /** Nothing where it is known. */
  putCrlSharding(issuer: Fingerprint, shards: CrlShards): Promise<void>;
  /** Replaces the issuer's list of this part. */
  keepCrl(crl: CrlRecord): Promise<void>;
  /** @throws GatehouseError `operator_exists` */
  insertOperator(operator: OperatorRecord): Promise<void>;
  /** @throws GatehouseError `operator_unknown` */
  removeOperator(name: EntityName): Promise<void>;
  blockKey(keyFingerprint: Fingerprint, note: string, at: number): Promise<void>;
  /** @throws GatehouseError `key_not_blocked` */
  unblockKey(keyFingerprint: Fingerprint): Promise<void>;
  readonly housekeeping: HousekeepingTransaction;
  /** Adds a journal row in this transaction. A transaction that changes rows and appends none is refused. */
  append(event: JournalEvent): Promise<void>;
  /**
   * Gives the rest of the process a turn, within a transaction that is long: without it, nothing else happens until
   * the transaction ends. The look-ups of others go on meanwhile and see nothing of it; their writes wait all the same.
   */
  pause(): Promise<void>;
}
