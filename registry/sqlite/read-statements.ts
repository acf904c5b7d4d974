/** Every look-up as a statement, prepared once for a connection. Each finds its rows through an index. */
import type { Database } from 'better-sqlite3';
import type { RequestStatus } from '../../core/enrollment/approval.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { ChainHead } from '../../core/journal/chain.ts';
import type { CrlPart, CrlShards } from '../../core/pki/crl-names.ts';
import type {
  BlockedKeyQuery,
  CertificateQuery,
  DependentQuery,
  DeviceCountQuery,
  DeviceQuery,
  LiveQuery,
} from '../port/queries.ts';
import type {
  BlockedKeyRecord,
  CertificateRecord,
  CredentialName,
  CrlRecord,
  CrossCertificateRecord,
  DeviceCount,
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
import { DEPENDENTS, FLEET_PROGRESS } from './fleet-progress.ts';
import { FORMER_KEY } from './housekeeping.ts';
import type { AdmissionRow, CrlRow, StoredDeviceRow, StoredJournalRow } from './rows.ts';

export type ReadStatements = ReturnType<typeof prepareReads>;

interface RequestPage {
  readonly after: number;
  readonly limit: number;
  readonly now: number;
}

interface RaisablePage {
  readonly issuer: Fingerprint;
  readonly notAfter: number;
  readonly serialNumber: SerialNumber | '';
  readonly limit: number;
}

/** A query as it is bound: '' sorts before all there is, for the first page. */
type Paged<Query extends { readonly after?: string }> = Omit<Query, 'after'> & {
  readonly after: NonNullable<Query['after']> | '';
};

/** What has lapsed is none any more, though its row may be there still. */
function notLapsed(now: '?' | '@now'): string {
  return `(expiresAt IS NULL OR expiresAt > ${now})`;
}

export function prepareReads(database: Database) {
  /** One statement for each combination of filters, so that each has an index to go by. */
  const devicesWhere = (filter: string) =>
    database.prepare<Paged<DeviceQuery>, StoredDeviceRow>(
      `SELECT * FROM devices WHERE ${filter} id > @after ORDER BY id LIMIT @limit`,
    );

  return {
    device: database.prepare<[DeviceId], StoredDeviceRow>('SELECT * FROM devices WHERE id = ?'),
    devices: {
      all: devicesWhere(''),
      ofGroup: devicesWhere('"group" = @group AND'),
      ofStatus: devicesWhere('status = @status AND'),
      ofGroupAndStatus: devicesWhere('"group" = @group AND status = @status AND'),
    },
    countDevices: database.prepare<Paged<DeviceCountQuery>, DeviceCount>(
      `SELECT count(*) AS devices, max(id) AS last FROM (SELECT id FROM devices
         WHERE "group" = @group AND status = @status AND id > @after ORDER BY id LIMIT @limit)`,
    ),

    enrolledAt: database
      .prepare<[DeviceId], number | null>('SELECT enrolledAt FROM devices WHERE id = ?')
      .pluck(),

    revokedSeq: database
      .prepare<[DeviceId], number | null>('SELECT revokedSeq FROM devices WHERE id = ?')
      .pluck(),

    issuedAt: database
      .prepare<[DeviceId, number], number>(
        'SELECT issuedAt FROM certificates WHERE device = ? ORDER BY issuedAt DESC LIMIT 1 OFFSET ?',
      )
      .pluck(),

    certificate: database.prepare<[Fingerprint], CertificateRecord>(
      'SELECT * FROM certificates WHERE fingerprint = ?',
    ),
    certificateBySerial: database.prepare<[SerialNumber], CertificateRecord>(
      'SELECT * FROM certificates WHERE serialNumber = ?',
    ),
    certificates: database.prepare<Paged<CertificateQuery>, CertificateRecord>(
      'SELECT * FROM certificates WHERE serialNumber > @after ORDER BY serialNumber LIMIT @limit',
    ),
    liveCertificates: database.prepare<Required<LiveQuery>, LiveCertificate>(
      `SELECT serialNumber, device, rowid AS position FROM certificates INDEXED BY standingCertificates
       WHERE issuer = @issuer AND device IS NOT NULL AND status IN ('active', 'suspended') AND rowid > @after
       ORDER BY rowid LIMIT @limit`,
    ),
    statusRecord: database.prepare<[SerialNumber], StatusRecord>(
      'SELECT issuer, status, issuedAt, revokedAt, reason FROM certificates WHERE serialNumber = ?',
    ),
    certificatesOf: database.prepare<[DeviceId], CertificateRecord>(
      'SELECT * FROM certificates WHERE device = ? ORDER BY issuedAt DESC, rowid DESC LIMIT 100',
    ),
    revocableCertificates: database.prepare<[DeviceId, DeviceId, number], CertificateRecord>(
      `SELECT * FROM certificates INDEXED BY liveCertificates
         WHERE device = ? AND device IS NOT NULL AND status IN ('active', 'suspended')
       UNION ALL SELECT * FROM certificates WHERE device = ? AND status = 'superseded' AND notAfter >= ?`,
    ),
    raisableCertificates: database.prepare<[DeviceId, number], CertificateRecord>(
      `SELECT * FROM certificates WHERE device = ?
         AND status = 'revoked' AND reason <> 'keyCompromise' AND notAfter >= ?`,
    ),
    raisableByIssuer: database.prepare<RaisablePage, RaisableCertificate>(
      `SELECT serialNumber, device, reason, notAfter FROM certificates INDEXED BY revokedCertificates
       WHERE issuer = @issuer AND (notAfter, serialNumber) > (@notAfter, @serialNumber)
         AND status <> 'active' AND status = 'revoked' AND reason <> 'keyCompromise' AND device IS NOT NULL
       ORDER BY notAfter, serialNumber LIMIT @limit`,
    ),
    anyCertificate: database
      .prepare<[DeviceId], number>('SELECT 1 FROM certificates WHERE device = ? LIMIT 1')
      .pluck(),
    unusedRenewals: database.prepare<[DeviceId], CertificateRecord>(
      `SELECT * FROM certificates WHERE device = ?
         AND status = 'active' AND renews IS NOT NULL AND firstUsedAt IS NULL ORDER BY issuedAt`,
    ),
    admission: database
      .prepare<[Fingerprint], AdmissionRow>(
        // Column by column: it is read with every connect, and the DER of two certificates takes as long as all of these.
        `SELECT certificates.serialNumber, certificates.fingerprint, certificates.device, certificates.issuer,
           certificates.status, certificates.notBefore, certificates.notAfter, certificates.renews,
           certificates.firstUsedAt,
           devices.id, devices."group", devices.status, devices.attributes, devices.revokedSeq,
           issuers.kind, issuers.status, issuers.subject,
           policies.name, policies.document,
           (SELECT max(seq) FROM journal) AS seq
         FROM certificates
           JOIN devices ON devices.id = certificates.device
           JOIN groups ON groups.name = devices."group"
           JOIN policies ON policies.name = groups.policy
           JOIN issuers ON issuers.fingerprint = certificates.issuer
         WHERE certificates.fingerprint = ?`,
      )
      .expand(),
    keyOwner: database
      .prepare<[Fingerprint, Fingerprint], DeviceId>(
        `SELECT device FROM certificates WHERE keyFingerprint = ? AND device IS NOT NULL
         UNION ALL SELECT device FROM formerKeys WHERE key = ${FORMER_KEY} LIMIT 1`,
      )
      .pluck(),
    compromisedKey: database
      .prepare<[Fingerprint], number>('SELECT 1 FROM compromisedKeys WHERE keyFingerprint = ?')
      .pluck(),
    blockedKey: database.prepare<[Fingerprint], BlockedKeyRecord>(
      'SELECT * FROM blockedKeys WHERE keyFingerprint = ?',
    ),
    blockedKeys: database.prepare<Paged<BlockedKeyQuery>, BlockedKeyRecord>(
      'SELECT * FROM blockedKeys WHERE keyFingerprint > @after ORDER BY keyFingerprint LIMIT @limit',
    ),

    group: database.prepare<[EntityName], GroupRecord>('SELECT * FROM groups WHERE name = ?'),
    groups: database.prepare<[], GroupRecord>('SELECT * FROM groups ORDER BY name'),
    policy: database.prepare<[EntityName], DocumentRecord>('SELECT * FROM policies WHERE name = ?'),
    policies: database.prepare<[], DocumentRecord>('SELECT * FROM policies ORDER BY name'),
    profile: database.prepare<[EntityName], DocumentRecord>('SELECT * FROM profiles WHERE name = ?'),
    profiles: database.prepare<[], DocumentRecord>('SELECT * FROM profiles ORDER BY name'),

    token: database.prepare<[string], TokenRecord>('SELECT * FROM tokens WHERE id = ?'),
    tokens: database.prepare<[], TokenRecord>('SELECT * FROM tokens ORDER BY createdAt DESC, rowid DESC'),
    tokenUse: database.prepare<[string, Fingerprint], CertificateRecord>(
      `SELECT certificates.* FROM tokenUses JOIN certificates USING (serialNumber)
       WHERE tokenUses.token = ? AND tokenUses.keyFingerprint = ?`,
    ),

    manufacturer: database.prepare<[EntityName], ManufacturerRecord>(
      'SELECT * FROM manufacturers WHERE name = ?',
    ),
    manufacturers: database.prepare<[], ManufacturerRecord>('SELECT * FROM manufacturers ORDER BY name'),
    factoryUse: database.prepare<[DeviceId], FactoryUseRecord>('SELECT * FROM factoryUses WHERE device = ?'),
    releasedAt: database
      .prepare<[DeviceId], number>('SELECT releasedAt FROM releases WHERE device = ?')
      .pluck(),

    request: database.prepare<[number, number], RequestRecord>(
      `SELECT * FROM requests WHERE id = ? AND ${notLapsed('?')}`,
    ),
    requests: database.prepare<RequestPage, RequestRecord>(
      `SELECT * FROM requests WHERE id > @after AND ${notLapsed('@now')} ORDER BY id LIMIT @limit`,
    ),
    requestsOfStatus: database.prepare<RequestPage & { readonly status: RequestStatus }, RequestRecord>(
      `SELECT * FROM requests WHERE status = @status AND id > @after AND ${notLapsed('@now')}
       ORDER BY id LIMIT @limit`,
    ),
    latestRequest: database.prepare<[CredentialName, number], RequestRecord>(
      `SELECT * FROM requests WHERE credential = ? AND ${notLapsed('?')} ORDER BY id DESC LIMIT 1`,
    ),
    latestRequestForKey: database.prepare<[CredentialName, Fingerprint, number], RequestRecord>(
      `SELECT * FROM requests WHERE credential = ? AND keyFingerprint = ? AND ${notLapsed('?')}
       ORDER BY id DESC LIMIT 1`,
    ),
    openRequestsBy: database
      .prepare<[CredentialName, number], number>(
        'SELECT count(*) FROM requests WHERE credential = ? AND expiresAt > ?',
      )
      .pluck(),
    openRequestsOf: database
      .prepare<[EntityName, number], number>(
        'SELECT count(*) FROM requests WHERE manufacturer = ? AND expiresAt > ?',
      )
      .pluck(),
    openRequests: database
      .prepare<[number], number>('SELECT count(*) FROM requests WHERE expiresAt > ?')
      .pluck(),
    lapsedRequests: database.prepare<[number, number], RequestRecord>(
      'SELECT * FROM requests WHERE expiresAt <= ? ORDER BY expiresAt LIMIT ?',
    ),

    issuer: database.prepare<[Fingerprint], IssuerRecord>('SELECT * FROM issuers WHERE fingerprint = ?'),
    issuers: database.prepare<[], IssuerRecord>('SELECT * FROM issuers ORDER BY rowid'),
    crossCertificates: database.prepare<[], CrossCertificateRecord>(
      'SELECT * FROM crossCertificates ORDER BY rowid',
    ),
    dependents: database.prepare<Paged<DependentQuery>, DeviceId>(DEPENDENTS).pluck(),
    fleetProgress: database.prepare<Paged<DependentQuery>, FleetProgress>(FLEET_PROGRESS),
    // The first that is found decides, however many there are.
    statusChange: database
      .prepare<{ readonly issuer: Fingerprint; readonly since: number }, StatusChange | null>(
        `SELECT CASE
           WHEN EXISTS (SELECT 1 FROM certificates
             WHERE issuer = @issuer AND statusSeq > @since AND status <> 'superseded') THEN 'urgent'
           WHEN EXISTS (SELECT 1 FROM certificates WHERE issuer = @issuer AND statusSeq > @since)
             THEN 'superseded'
         END`,
      )
      .pluck(),
    crlNumber: database
      .prepare<[Fingerprint], string>('SELECT CAST(number AS TEXT) FROM crlNumbers WHERE issuer = ?')
      .pluck(),
    crlShardings: database
      .prepare<[Fingerprint], CrlShards>('SELECT shards FROM crlShardings WHERE issuer = ? ORDER BY shards')
      .pluck(),
    keptCrl: database.prepare<[Fingerprint, CrlPart], CrlRow<CrlRecord>>(
      `SELECT issuer, part, CAST(number AS TEXT) AS number, thisUpdate, nextUpdate, der
       FROM keptCrls WHERE issuer = ? AND part = ?`,
    ),
    keptCrls: database.prepare<[], CrlRow<KeptCrl>>(
      `SELECT issuer, part, CAST(number AS TEXT) AS number, thisUpdate, nextUpdate, length(der) AS bytes
       FROM keptCrls ORDER BY rowid`,
    ),

    operators: database.prepare<[], OperatorRecord>('SELECT * FROM operators ORDER BY name'),
    operatorByTokenId: database.prepare<[string], OperatorRecord>(
      'SELECT * FROM operators WHERE tokenId = ?',
    ),

    journal: database.prepare<[number, number], StoredJournalRow>(
      'SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?',
    ),
    journalHead: database.prepare<[], ChainHead>('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1'),
    journalArchives: database.prepare<[number, number], JournalArchiveRecord>(
      'SELECT * FROM journalArchives WHERE lastSeq > ? ORDER BY lastSeq LIMIT ?',
    ),
    lastJournalArchive: database.prepare<[], JournalArchiveRecord>(
      'SELECT * FROM journalArchives WHERE lastSeq = (SELECT max(lastSeq) FROM journalArchives)',
    ),
  };
}
