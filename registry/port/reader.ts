/** The look-ups of the registry. */
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { CrlPart, CrlShards } from '../../core/pki/crl-names.ts';
import type {
  Admission,
  BlockedKeyRecord,
  CertificateRecord,
  CredentialName,
  CrlRecord,
  CrossCertificateRecord,
  DeviceCount,
  DeviceRecord,
  DocumentRecord,
  FactoryUseRecord,
  FleetProgress,
  GroupRecord,
  IssuerRecord,
  JournalArchiveRecord,
  KeptCrl,
  LiveCertificate,
  ManufacturerRecord,
  OperatorRecord,
  RaisableCertificate,
  RequestRecord,
  StatusChange,
  StatusRecord,
  TokenRecord,
} from '../records.ts';
import type {
  BlockedKeyQuery,
  CertificateQuery,
  DependentQuery,
  DeviceCountQuery,
  DeviceQuery,
  LiveQuery,
  RaisableQuery,
  RequestQuery,
} from './queries.ts';

/** Look-ups. Absent is `undefined`, never an exception. */
export interface RegistryReader {
  device(id: DeviceId): Promise<DeviceRecord | undefined>;
  /** In the order of their IDs. */
  devices(query: DeviceQuery): Promise<readonly DeviceRecord[]>;
  /** Counts the next `limit` of them, in the order of their IDs, along an index: go on from `last`. */
  countDevices(query: DeviceCountQuery): Promise<DeviceCount>;
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
  statusRecord(serialNumber: SerialNumber): Promise<StatusRecord | undefined>;
  /** Newest first, and no more than the newest hundred. */
  certificatesOf(device: DeviceId): Promise<readonly CertificateRecord[]>;
  /** Those that are active or suspended, and those that were superseded and would be in time: few, however many it has had. */
  revocableCertificates(device: DeviceId, now: number): Promise<readonly CertificateRecord[]>;
  /** Those that are revoked, not for keyCompromise, and would be in time. */
  raisableCertificates(device: DeviceId, now: number): Promise<readonly CertificateRecord[]>;
  /** The same of this issuer's, where they are devices'; those that expire first come first. */
  raisableByIssuer(query: RaisableQuery): Promise<readonly RaisableCertificate[]>;
  /** Active certificates of the device that renew another and were never used at the broker. */
  unusedRenewals(device: DeviceId): Promise<readonly CertificateRecord[]>;
  /** What is to be known of certificate, device, issuer and policy in one consistent read; undefined if the certificate is unknown or not a device's. */
  admission(fingerprint: Fingerprint): Promise<Admission | undefined>;
  /** The device that has, or ever had, a certificate for this public key. */
  keyOwner(keyFingerprint: Fingerprint): Promise<DeviceId | undefined>;
  /** Whether a certificate for this key was ever revoked for keyCompromise. */
  isKeyCompromised(keyFingerprint: Fingerprint): Promise<boolean>;
  blockedKey(keyFingerprint: Fingerprint): Promise<BlockedKeyRecord | undefined>;
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
