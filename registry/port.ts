/**
 * The registry as the rest of Gatehouse sees it: what must last, behind asynchronous methods that SQLite
 * serves today and PostgreSQL can serve later. The enroll process is its only writer.
 */
import type { RequestStatus } from '../core/enrollment/approval.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../core/ids.ts';
import type { Actor, JournalEvent, JournalRow } from '../core/journal/events.ts';
import type { CrlPart, CrlShards } from '../core/pki/crl-names.ts';
import type { RevocationReason } from '../core/pki/revocation-reason.ts';
import type { ObservationReader, Observations } from './observations.ts';
import type {
  Admission,
  BlockedKeyRecord,
  CertificateRecord,
  CertificateStanding,
  CertificateStatus,
  CredentialName,
  CrlRecord,
  CrossCertificateRecord,
  DeviceRecord,
  DeviceStatus,
  DocumentRecord,
  FactoryUseRecord,
  FleetProgress,
  GroupRecord,
  IssuerRecord,
  JournalArchiveRecord,
  KeptCrl,
  LiveCertificate,
  ManufacturerRecord,
  NewIssuer,
  OperatorRecord,
  Pruned,
  RegistrySpace,
  RequestRecord,
  StatusChange,
  TokenRecord,
} from './records.ts';

export interface DeviceQuery {
  readonly group?: EntityName;
  readonly status?: DeviceStatus;
  /** Only IDs that sort after this one: the last of the page before. */
  readonly after?: DeviceId;
  readonly limit: number;
}

export interface BlockedKeyQuery {
  /** Only keys that sort after this one: the last of the page before. */
  readonly after?: Fingerprint;
  readonly limit: number;
}

export interface RequestQuery {
  readonly status?: RequestStatus;
  /** Only requests made after this one: the last of the page before. */
  readonly after?: number;
  readonly limit: number;
  /** Requests that have lapsed by then are none. */
  readonly now: number;
}

export interface CertificateQuery {
  /** Only serial numbers that sort after this one: the last of the page before. */
  readonly after?: SerialNumber;
  readonly limit: number;
}

export interface LiveQuery {
  readonly issuer: Fingerprint;
  /** Only what was issued after the certificate with this position: the last of the page before. */
  readonly after?: number;
  readonly limit: number;
}

/** Devices in the order of their IDs, and what depends on one issuer. */
export interface DependentQuery {
  readonly issuer: Fingerprint;
  /** ms: what has expired by then, and is past its group's grace, counts no more. */
  readonly now: number;
  /** Only IDs that sort after this one. */
  readonly after?: DeviceId;
  readonly limit: number;
}

/** Look-ups. Absent is `undefined`, never an exception. */
export interface RegistryReader {
  device(id: DeviceId): Promise<DeviceRecord | undefined>;
  /** In the order of their IDs. */
  devices(query: DeviceQuery): Promise<readonly DeviceRecord[]>;
  /** When the device was given its first certificate, which may be gone since. */
  enrolledAt(id: DeviceId): Promise<number | undefined>;
  /**
   * When the device was revoked last, reinstated since or not: the first journal row of the transaction that did it.
   * Undefined where it never was.
   */
  revokedSeq(id: DeviceId): Promise<number | undefined>;
  /** When the device was given the `nth` certificate from the newest, which is the first; undefined where it has had fewer. */
  issuedAt(device: DeviceId, nth: number): Promise<number | undefined>;
  certificate(fingerprint: Fingerprint): Promise<CertificateRecord | undefined>;
  certificateBySerial(serialNumber: SerialNumber): Promise<CertificateRecord | undefined>;
  /** In the order of their serial numbers. */
  certificates(query: CertificateQuery): Promise<readonly CertificateRecord[]>;
  /** Devices' certificates by this issuer that are active or suspended, in the order in which they were issued. */
  liveCertificates(query: LiveQuery): Promise<readonly LiveCertificate[]>;
  /** Of the same certificate, only what it takes to say whether it stands. */
  certificateStanding(serialNumber: SerialNumber): Promise<CertificateStanding | undefined>;
  /** Newest first, and no more than the newest hundred. */
  certificatesOf(device: DeviceId): Promise<readonly CertificateRecord[]>;
  /** Those that are active or suspended, and those that were superseded and would be in time: few, however many it has had. */
  revocableCertificates(device: DeviceId, now: number): Promise<readonly CertificateRecord[]>;
  /** Those that are revoked, not for keyCompromise, and would be in time. */
  raisableCertificates(device: DeviceId, now: number): Promise<readonly CertificateRecord[]>;
  /** Active certificates of the device that renew another and were never used at the broker. */
  unusedRenewals(device: DeviceId): Promise<readonly CertificateRecord[]>;
  /** Certificate, device, issuer and policy in one consistent read; undefined if the certificate is unknown or not a device's. */
  admission(fingerprint: Fingerprint): Promise<Admission | undefined>;
  /** The device that has, or ever had, a certificate for this public key. */
  keyOwner(keyFingerprint: Fingerprint): Promise<DeviceId | undefined>;
  /** Whether a certificate for this key was ever revoked for keyCompromise. */
  isKeyCompromised(keyFingerprint: Fingerprint): Promise<boolean>;
  isKeyBlocked(keyFingerprint: Fingerprint): Promise<boolean>;
  /** In the order of their fingerprints. */
  blockedKeys(query: BlockedKeyQuery): Promise<readonly BlockedKeyRecord[]>;

  group(name: EntityName): Promise<GroupRecord | undefined>;
  groups(): Promise<readonly GroupRecord[]>;
  policy(name: EntityName): Promise<DocumentRecord | undefined>;
  policies(): Promise<readonly DocumentRecord[]>;
  profile(name: EntityName): Promise<DocumentRecord | undefined>;
  profiles(): Promise<readonly DocumentRecord[]>;

  token(id: string): Promise<TokenRecord | undefined>;
  /** Newest first. */
  tokens(): Promise<readonly TokenRecord[]>;
  /** The certificate that this token and this public key were given before. */
  tokenUse(tokenId: string, keyFingerprint: Fingerprint): Promise<CertificateRecord | undefined>;

  manufacturer(name: EntityName): Promise<ManufacturerRecord | undefined>;
  manufacturers(): Promise<readonly ManufacturerRecord[]>;
  factoryUse(device: DeviceId): Promise<FactoryUseRecord | undefined>;
  /** When an operator let the device enroll by its factory certificate once more; undefined where that is used up. */
  releasedAt(device: DeviceId): Promise<number | undefined>;

  /** Undefined too where it has lapsed by `now`. */
  request(id: number, now: number): Promise<RequestRecord | undefined>;
  /** Oldest first. */
  requests(query: RequestQuery): Promise<readonly RequestRecord[]>;
  /** The newest one by this credential, for this key where one is given. */
  latestRequest(
    credential: CredentialName,
    now: number,
    keyFingerprint?: Fingerprint,
  ): Promise<RequestRecord | undefined>;
  /** How many by this credential are pending or approved. */
  openRequestsBy(credential: CredentialName, now: number): Promise<number>;
  /** How many by factory certificates of this manufacturer. */
  openRequestsOf(manufacturer: EntityName, now: number): Promise<number>;
  /** How many there are in all. */
  openRequests(now: number): Promise<number>;
  /** Those that have lapsed by `now` and are still there, at most `limit`. */
  lapsedRequests(now: number, limit: number): Promise<readonly RequestRecord[]>;

  issuer(fingerprint: Fingerprint): Promise<IssuerRecord | undefined>;
  /** In the order in which they were added. */
  issuers(): Promise<readonly IssuerRecord[]>;
  /** In the order in which they were added. */
  crossCertificates(): Promise<readonly CrossCertificateRecord[]>;
  /** The devices that would be locked out if this issuer were retired: none of any other in use can be relied on. */
  dependents(query: DependentQuery): Promise<readonly DeviceId[]>;
  /** Counts the next `limit` devices of the fleet: a million take half a second, so go on from `last`. */
  fleetProgress(query: DependentQuery): Promise<FleetProgress>;
  /** What changed among the certificates of one issuer since this row of the journal. */
  statusChange(issuer: Fingerprint, since: number): Promise<StatusChange | undefined>;
  /** The last one given out, whether or not a list came of it; 0 where there was none. */
  crlNumber(issuer: Fingerprint): Promise<bigint>;
  /** Into how many shards the issuer's certificates were ever split, from few to many. */
  crlShardings(issuer: Fingerprint): Promise<readonly CrlShards[]>;
  keptCrl(issuer: Fingerprint, part: CrlPart): Promise<CrlRecord | undefined>;
  /** Of every issuer, without the lists themselves. */
  keptCrls(): Promise<readonly KeptCrl[]>;

  operators(): Promise<readonly OperatorRecord[]>;
  operatorByTokenId(tokenId: string): Promise<OperatorRecord | undefined>;

  /** Rows with `seq > after`, in order, at most `limit`. The first ones may be in archives alone. */
  journal(after: number, limit: number): Promise<readonly JournalRow[]>;
  /** `seq` of the last row; 0 where there is none. */
  journalHead(): Promise<number>;
  /** Those that end after the row `after`, in order, at most `limit`. */
  journalArchives(after: number, limit: number): Promise<readonly JournalArchiveRecord[]>;
  /** Undefined where there is none. */
  lastJournalArchive(): Promise<JournalArchiveRecord | undefined>;
}

/** What of a device may change; what is absent stays. */
export type DeviceUpdate = Partial<Pick<DeviceRecord, 'status' | 'group' | 'attributes'>>;

/** What of a request may change. */
export type RequestUpdate = Pick<
  RequestRecord,
  'status' | 'expiresAt' | 'decidedAt' | 'decidedBy' | 'reason' | 'serialNumber'
>;

/** ms since the epoch: what ended by then goes. */
export interface Horizon {
  readonly ended: number;
  /** Of certificates that could still be renewed within a grace. Not after `ended`. */
  readonly renewable: number;
}

/** How much there is beyond a horizon, counted up to a limit. */
export interface Due {
  readonly certificates: number;
  readonly tokens: number;
}

/** What leaves the registry. Each takes away at most `limit` rows and their like, those that ended first before others. */
export interface HousekeepingTransaction {
  /**
   * Certificates, and the requests that they came of. Their keys stay known (`keyOwner`), and so does when their devices
   * enrolled (`enrolledAt`).
   */
  pruneCertificates(horizon: Horizon, limit: number): Promise<Pruned>;
  /** Tokens that expired by then, with their uses and the requests by them that were denied; none with an open request. */
  pruneTokens(before: number, limit: number): Promise<Pruned>;
  /** It follows the archive before it, and ends before the journal's last row. */
  insertJournalArchive(archive: JournalArchiveRecord): Promise<void>;
  /**
   * Takes rows out of the journal that an archive holds, and no others. Needs no journal row of its own: the archive has
   * its `journal.archived`. @returns how many
   */
  dropArchivedRows(limit: number): Promise<number>;
}

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

/** What a process that only reads gets: the broker. */
export interface RegistryView extends RegistryReader {
  /** What is observed of devices, beside what they are. */
  readonly observations: ObservationReader;
  /**
   * Calls `onChange` soon after any commit, by this or another process; calls may be merged, and one may come
   * for nothing. `onError` hears, once until it recovers, that changes cannot be noticed, and whatever
   * `onChange` throws; `registry_replaced` where another registry has taken the place of this one, for good. Returns the function that ends it.
   */
  watch(onChange: () => void, onError?: (error: unknown) => void): () => void;
  close(): Promise<void>;
}

/** What the enroll process gets. */
export interface Registry extends RegistryView {
  space(): Promise<RegistrySpace>;
  /** Counts up to `limit` of each. */
  due(horizon: Horizon, limit: number): Promise<Due>;
  /**
   * Runs `work` in a transaction and resolves once it is durable (on disk, not merely written). Transactions
   * run one after another; if `work` rejects, nothing of it remains and the rejection is passed on.
   * `work` awaits nothing but the transaction's own methods: the writes of all others wait for it. It may be run
   * again from its beginning, where another write that shared the commit failed halfway: what it does outside of the
   * transaction must bear that.
   */
  write<T>(actor: Actor, work: (transaction: RegistryTransaction) => Promise<T>): Promise<T>;
  /**
   * Writes what was observed, in a transaction that can touch nothing else: the one way to write that leaves no row in
   * the journal, for nothing changes its state by it. Of devices that are not there it writes nothing. What is too old or
   * too much is forgotten on the way. Resolves once it is durable.
   */
  observe(observations: Observations): Promise<void>;
}
