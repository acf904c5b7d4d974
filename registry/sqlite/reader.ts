/** The look-ups of the port over one connection. Each is a single statement, so it sees a single moment. */
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { CrlPart } from '../../core/pki/crl-names.ts';
import type {
  BlockedKeyQuery,
  CertificateQuery,
  DependentQuery,
  DeviceCountQuery,
  DeviceQuery,
  LiveQuery,
  RaisableQuery,
  RequestQuery,
} from '../port/queries.ts';
import type { RegistryReader } from '../port/reader.ts';
import type { CredentialName, DeviceCount, FleetProgress } from '../records.ts';
import type { ReadStatements } from './read-statements.ts';
import { toAdmission, toCrl, toDevice, toJournalRow, toKeptCrl } from './rows.ts';

export class SqliteReader implements RegistryReader {
  readonly #statements: ReadStatements;

  constructor(statements: ReadStatements) {
    this.#statements = statements;
  }

  /** A subclass may refuse here. */
  protected get reads(): ReadStatements {
    return this.#statements;
  }

  async device(id: DeviceId) {
    return mapped(this.reads.device.get(id), toDevice);
  }

  async devices(query: DeviceQuery) {
    checkLimit(query.limit);
    const { all, ofGroup, ofStatus, ofGroupAndStatus } = this.reads.devices;
    const [unfiltered, filtered] = query.status === undefined ? [all, ofGroup] : [ofStatus, ofGroupAndStatus];
    const statement = query.group === undefined ? unfiltered : filtered;
    return statement.all({ ...query, after: query.after ?? '' }).map(toDevice);
  }

  async countDevices(query: DeviceCountQuery): Promise<DeviceCount> {
    checkLimit(query.limit);
    const counted = this.reads.countDevices.get({ ...query, after: query.after ?? '' });
    return counted ?? { devices: 0, last: null };
  }

  async enrolledAt(id: DeviceId) {
    return this.reads.enrolledAt.get(id) ?? undefined;
  }

  async revokedSeq(id: DeviceId) {
    return this.reads.revokedSeq.get(id) ?? undefined;
  }

  async issuedAt(device: DeviceId, nth: number) {
    return this.reads.issuedAt.get(device, nth - 1);
  }

  async certificate(fingerprint: Fingerprint) {
    return this.reads.certificate.get(fingerprint);
  }

  async certificateBySerial(serialNumber: SerialNumber) {
    return this.reads.certificateBySerial.get(serialNumber);
  }

  async certificates({ after, limit }: CertificateQuery) {
    checkLimit(limit);
    return this.reads.certificates.all({ after: after ?? '', limit });
  }

  async liveCertificates({ issuer, after = 0, limit }: LiveQuery) {
    checkLimit(limit);
    return this.reads.liveCertificates.all({ issuer, after, limit });
  }

  async statusRecord(serialNumber: SerialNumber) {
    return this.reads.statusRecord.get(serialNumber);
  }

  async certificatesOf(device: DeviceId) {
    return this.reads.certificatesOf.all(device);
  }

  async revocableCertificates(device: DeviceId, now: number) {
    return this.reads.revocableCertificates.all(device, device, now);
  }

  async raisableCertificates(device: DeviceId, now: number) {
    return this.reads.raisableCertificates.all(device, now);
  }

  async raisableByIssuer({ issuer, now, after, limit }: RaisableQuery) {
    checkLimit(limit);
    const { notAfter, serialNumber } = after ?? { notAfter: now, serialNumber: '' as const };
    return this.reads.raisableByIssuer.all({ issuer, notAfter, serialNumber, limit });
  }

  async unusedRenewals(device: DeviceId) {
    return this.reads.unusedRenewals.all(device);
  }

  async admission(fingerprint: Fingerprint) {
    return mapped(this.reads.admission.get(fingerprint), toAdmission);
  }

  async keyOwner(keyFingerprint: Fingerprint) {
    return this.reads.keyOwner.get(keyFingerprint, keyFingerprint);
  }

  async isKeyCompromised(keyFingerprint: Fingerprint) {
    return this.reads.compromisedKey.get(keyFingerprint) !== undefined;
  }

  async blockedKey(keyFingerprint: Fingerprint) {
    return this.reads.blockedKey.get(keyFingerprint);
  }

  async isKeyBlocked(keyFingerprint: Fingerprint) {
    return this.reads.blockedKey.get(keyFingerprint) !== undefined;
  }

  async blockedKeys({ after, limit }: BlockedKeyQuery) {
    checkLimit(limit);
    return this.reads.blockedKeys.all({ after: after ?? '', limit });
  }

  async group(name: EntityName) {
    return this.reads.group.get(name);
  }

  async groups() {
    return this.reads.groups.all();
  }

  async policy(name: EntityName) {
    return this.reads.policy.get(name);
  }

  async policies() {
    return this.reads.policies.all();
  }

  async profile(name: EntityName) {
    return this.reads.profile.get(name);
  }

  async profiles() {
    return this.reads.profiles.all();
  }

  async token(id: string) {
    return this.reads.token.get(id);
  }

  async tokens() {
    return this.reads.tokens.all();
  }

  async tokenUse(tokenId: string, keyFingerprint: Fingerprint) {
    return this.reads.tokenUse.get(tokenId, keyFingerprint);
  }

  async manufacturer(name: EntityName) {
    return this.reads.manufacturer.get(name);
  }

  async manufacturers() {
    return this.reads.manufacturers.all();
  }

  async factoryUse(device: DeviceId) {
    return this.reads.factoryUse.get(device);
  }

  async releasedAt(device: DeviceId) {
    return this.reads.releasedAt.get(device);
  }

  async request(id: number, now: number) {
    return this.reads.request.get(id, now);
  }

  async requests({ status, after = 0, limit, now }: RequestQuery) {
    checkLimit(limit);
    return status === undefined
      ? this.reads.requests.all({ after, limit, now })
      : this.reads.requestsOfStatus.all({ status, after, limit, now });
  }

  async latestRequest(credential: CredentialName, now: number, keyFingerprint?: Fingerprint) {
    return keyFingerprint === undefined
      ? this.reads.latestRequest.get(credential, now)
      : this.reads.latestRequestForKey.get(credential, keyFingerprint, now);
  }

  async openRequestsBy(credential: CredentialName, now: number) {
    return this.reads.openRequestsBy.get(credential, now) ?? 0;
  }

  async openRequestsOf(manufacturer: EntityName, now: number) {
    return this.reads.openRequestsOf.get(manufacturer, now) ?? 0;
  }

  async openRequests(now: number) {
    return this.reads.openRequests.get(now) ?? 0;
  }

  async lapsedRequests(now: number, limit: number) {
    checkLimit(limit);
    return this.reads.lapsedRequests.all(now, limit);
  }

  async issuer(fingerprint: Fingerprint) {
    return this.reads.issuer.get(fingerprint);
  }

  async issuers() {
    return this.reads.issuers.all();
  }

  async crossCertificates() {
    return this.reads.crossCertificates.all();
  }

  async dependents(query: DependentQuery) {
    checkLimit(query.limit);
    return this.reads.dependents.all({ ...query, after: query.after ?? '' });
  }

  async fleetProgress(query: DependentQuery): Promise<FleetProgress> {
    checkLimit(query.limit);
    const counted = this.reads.fleetProgress.get({ ...query, after: query.after ?? '' });
    return counted ?? { devices: 0, moved: 0, dependents: 0, last: null };
  }

  async statusChange(issuer: Fingerprint, since: number) {
    return this.reads.statusChange.get({ issuer, since }) ?? undefined;
  }

  async crlNumber(issuer: Fingerprint) {
    return BigInt(this.reads.crlNumber.get(issuer) ?? 0);
  }

  async crlShardings(issuer: Fingerprint) {
    return this.reads.crlShardings.all(issuer);
  }

  async keptCrl(issuer: Fingerprint, part: CrlPart) {
    return mapped(this.reads.keptCrl.get(issuer, part), toCrl);
  }

  async keptCrls() {
    return this.reads.keptCrls.all().map(toKeptCrl);
  }

  async operators() {
    return this.reads.operators.all();
  }

  async operatorByTokenId(tokenId: string) {
    return this.reads.operatorByTokenId.get(tokenId);
  }

  async journal(after: number, limit: number) {
    checkLimit(limit);
    return this.reads.journal.all(after, limit).map(toJournalRow);
  }

  async journalHead() {
    return this.reads.journalHead.get()?.seq ?? 0;
  }

  async journalArchives(after: number, limit: number) {
    checkLimit(limit);
    return this.reads.journalArchives.all(after, limit);
  }

  async lastJournalArchive() {
    return this.reads.lastJournalArchive.get();
  }
}

function mapped<Row, Value>(row: Row | undefined, map: (row: Row) => Value): Value | undefined {
  return row === undefined ? undefined : map(row);
}

/** To SQLite a negative limit means none at all. */
function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`${limit} is not a number of rows`);
}
