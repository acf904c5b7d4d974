/**
 * The registry as the rest of Gatehouse sees it: what must last, behind asynchronous methods that SQLite
 * serves today and PostgreSQL can serve later. The enroll process is its only writer.
 */
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../core/ids.ts';
import type { Actor, JournalEvent, JournalRow } from '../core/journal/events.ts';
import type { RevocationReason } from '../core/pki/revocation-reason.ts';
import type {
  Admission,
  CertificateRecord,
  CertificateStatus,
  CrlRecord,
  DeviceRecord,
  DeviceStatus,
  DocumentRecord,
  GroupRecord,
  IssuerRecord,
  OperatorRecord,
  RevokedCertificate,
  TokenRecord,
} from './records.ts';

export interface DeviceQuery {
  readonly group?: EntityName;
  readonly status?: DeviceStatus;
  /** Only IDs that sort after this one: the last of the page before. */
  readonly after?: DeviceId;
  readonly limit: number;
}

/** Look-ups. Absent is `undefined`, never an exception. */
export interface RegistryReader {
  device(id: DeviceId): Promise<DeviceRecord | undefined>;
  /** In the order of their IDs. */
  devices(query: DeviceQuery): Promise<readonly DeviceRecord[]>;
  certificate(fingerprint: Fingerprint): Promise<CertificateRecord | undefined>;
  certificateBySerial(serialNumber: SerialNumber): Promise<CertificateRecord | undefined>;
  /** Newest first. */
  certificatesOf(device: DeviceId): Promise<readonly CertificateRecord[]>;
  /** Active certificates of the device that renew another and were never used at the broker. */
  unusedRenewals(device: DeviceId): Promise<readonly CertificateRecord[]>;
  /** Certificate, device, issuer and policy in one consistent read; undefined if the certificate is unknown or not a device's. */
  admission(fingerprint: Fingerprint): Promise<Admission | undefined>;
  /** The device that has, or ever had, a certificate for this public key. */
  keyOwner(keyFingerprint: Fingerprint): Promise<DeviceId | undefined>;
  isKeyBlocked(keyFingerprint: Fingerprint): Promise<boolean>;

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

  issuer(fingerprint: Fingerprint): Promise<IssuerRecord | undefined>;
  /** In the order in which they were added. */
  issuers(): Promise<readonly IssuerRecord[]>;
  /** Certificates of one issuer that stand no more and have not expired at `now`, by serial number. */
  revokedCertificates(issuer: Fingerprint, now: number): Promise<readonly RevokedCertificate[]>;
  latestCrl(issuer: Fingerprint): Promise<CrlRecord | undefined>;

  operators(): Promise<readonly OperatorRecord[]>;
  operatorByTokenId(tokenId: string): Promise<OperatorRecord | undefined>;

  /** Rows with `seq > after`, in order, at most `limit`. */
  journal(after: number, limit: number): Promise<readonly JournalRow[]>;
  /** `seq` of the last row; 0 where there is none. */
  journalHead(): Promise<number>;
}

/** What of a device may change; what is absent stays. */
export type DeviceUpdate = Partial<Pick<DeviceRecord, 'status' | 'group' | 'attributes'>>;

/**
 * Look-ups and changes within one transaction. It ends with the promise that `work` returns. A change that is
 * refused fails the transaction as a whole, even if `work` catches the rejection. What others depend on goes
 * first: profile and policy, group, device or token, issuer, certificate, use of a token.
 */
export interface RegistryTransaction extends RegistryReader {
  insertDevice(device: DeviceRecord): Promise<void>;
  /** Sets `changedAt` too. `revoked` is final. @throws GatehouseError `device_unknown` */
  updateDevice(id: DeviceId, change: DeviceUpdate): Promise<void>;
  /** Serial numbers and fingerprints are unique for the registry's life. */
  insertCertificate(certificate: CertificateRecord): Promise<void>;
  /**
   * `at` and `reason` (where absent: `unspecified` for revoked, `certificateHold` for suspended, `superseded` for
   * superseded) tell others why it stands no more; active clears them. `revoked` is final.
   */
  setCertificateStatus(
    serialNumbers: readonly SerialNumber[],
    status: CertificateStatus,
    at: number,
    reason?: RevocationReason,
  ): Promise<void>;
  /** The first time stays. */
  recordFirstUse(serialNumber: SerialNumber, at: number): Promise<void>;
  putGroup(group: GroupRecord): Promise<void>;
  putPolicy(policy: DocumentRecord): Promise<void>;
  putProfile(profile: DocumentRecord): Promise<void>;
  insertToken(token: TokenRecord): Promise<void>;
  /**
   * Counts one use and remembers which certificate it led to. A token and a key go together once.
   * @throws GatehouseError `token_spent`, `token_unknown`
   */
  recordTokenUse(tokenId: string, keyFingerprint: Fingerprint, serialNumber: SerialNumber): Promise<void>;
  /** The first revocation's time stays. @throws GatehouseError `token_unknown` */
  revokeToken(tokenId: string, at: number): Promise<void>;
  insertIssuer(issuer: IssuerRecord): Promise<void>;
  /** Replaces the issuer's CRL by one with a higher number; any other is refused (RFC 5280 §5.2.3). */
  putCrl(crl: CrlRecord): Promise<void>;
  /** @throws GatehouseError `operator_exists` */
  insertOperator(operator: OperatorRecord): Promise<void>;
  /** @throws GatehouseError `operator_unknown` */
  removeOperator(name: EntityName): Promise<void>;
  blockKey(keyFingerprint: Fingerprint, note: string, at: number): Promise<void>;
  /** Adds a journal row in this transaction. A transaction that changes rows and appends none is refused. */
  append(event: JournalEvent): Promise<void>;
}

/** What a process that only reads gets: the broker. */
export interface RegistryView extends RegistryReader {
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
  /**
   * Runs `work` in a transaction and resolves once it is durable (on disk, not merely written). Transactions
   * run one after another; if `work` rejects, nothing of it remains and the rejection is passed on.
   * `work` awaits nothing but the transaction's own methods: the writes of all others wait for it. It may be run
   * again from its beginning, where another write that shared the commit failed halfway: what it does outside of the
   * transaction must bear that.
   */
  write<T>(actor: Actor, work: (transaction: RegistryTransaction) => Promise<T>): Promise<T>;
}
