/** Every change as a statement, prepared once for the writing connection. */
import type { Database } from 'better-sqlite3';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { CrlShards } from '../../core/pki/crl-names.ts';
import type { RevocationReason } from '../../core/pki/revocation-reason.ts';
import type { RequestUpdate } from '../port/transaction.ts';
import type {
  CertificateRecord,
  CertificateStatus,
  CrlRecord,
  CrossCertificateRecord,
  DeviceStatus,
  DocumentRecord,
  FactoryUseRecord,
  GroupRecord,
  IssuerRecord,
  ManufacturerRecord,
  NewIssuer,
  OperatorRecord,
  RequestRecord,
  TokenRecord,
} from '../records.ts';
import { prepareHousekeeping } from './housekeeping.ts';
import type { DeviceRow, StoredJournalRow } from './rows.ts';

export type WriteStatements = ReturnType<typeof prepareWrites>;

/** Null leaves a column as it is. */
interface DeviceUpdateRow {
  readonly id: DeviceId;
  readonly status: DeviceStatus | null;
  readonly group: EntityName | null;
  readonly attributes: string | null;
  readonly changedAt: number;
}

interface CertificateStatusRow {
  readonly serialNumber: SerialNumber;
  readonly status: CertificateStatus;
  readonly revokedAt: number | null;
  readonly reason: RevocationReason | null;
}

/**
 * Of the journal row that this transaction appends next, and no transaction before has: whoever knows the registry up to
 * any row finds by it what changed since.
 */
const NEXT_SEQ = '(SELECT coalesce(max(seq), 0) + 1 FROM journal)';

export function prepareWrites(database: Database) {
  const putDocument = (table: 'policies' | 'profiles') =>
    database.prepare<DocumentRecord>(
      `INSERT INTO ${table} (name, document, changedAt) VALUES (@name, @document, @changedAt)
       ON CONFLICT DO UPDATE SET document = excluded.document, changedAt = excluded.changedAt`,
    );

  return {
    insertDevice: database.prepare<DeviceRow>(
      `INSERT INTO devices (id, "group", status, attributes, createdAt, changedAt)
       VALUES (@id, @group, @status, @attributes, @createdAt, @changedAt)`,
    ),
    updateDevice: database.prepare<DeviceUpdateRow>(
      `UPDATE devices SET
         status = coalesce(@status, status),
         "group" = coalesce(@group, "group"),
         attributes = coalesce(@attributes, attributes),
         revokedSeq = iif(@status = 'revoked', ${NEXT_SEQ}, revokedSeq),
         changedAt = @changedAt
       WHERE id = @id AND (@status IS NULL OR status <> 'revoked')`,
    ),
    reinstateDevice: database.prepare<[number, DeviceId]>(
      "UPDATE devices SET status = 'active', changedAt = ? WHERE id = ? AND status = 'revoked'",
    ),

    insertCertificate: database.prepare<CertificateRecord>(
      `INSERT INTO certificates (serialNumber, fingerprint, keyFingerprint, device, issuer, status,
         notBefore, notAfter, issuedAt, revokedAt, reason, renews, firstUsedAt, statusSeq, der)
       VALUES (@serialNumber, @fingerprint, @keyFingerprint, @device, @issuer, @status,
         @notBefore, @notAfter, @issuedAt, @revokedAt, @reason, @renews, @firstUsedAt,
         iif(@status = 'active', NULL, ${NEXT_SEQ}), @der)`,
    ),
    recordEnrolled: database.prepare<Pick<CertificateRecord, 'device' | 'issuedAt'>>(
      `UPDATE devices SET enrolledAt = @issuedAt
       WHERE id = @device AND (enrolledAt IS NULL OR enrolledAt > @issuedAt)`,
    ),
    setCertificateStatus: database.prepare<CertificateStatusRow>(
      `UPDATE certificates SET status = @status, revokedAt = @revokedAt, reason = @reason, statusSeq = ${NEXT_SEQ}
       WHERE serialNumber = @serialNumber`,
    ),
    /** It names the status, so that the key is remembered as by a revocation. */
    raiseToCompromised: database.prepare<[SerialNumber]>(
      `UPDATE certificates SET status = 'revoked', reason = 'keyCompromise', statusSeq = ${NEXT_SEQ}
       WHERE serialNumber = ? AND status = 'revoked'`,
    ),
    recordFirstUse: database.prepare<[number, SerialNumber]>(
      'UPDATE certificates SET firstUsedAt = coalesce(firstUsedAt, ?) WHERE serialNumber = ?',
    ),

    putGroup: database.prepare<GroupRecord>(
      `INSERT INTO groups (name, description, profile, policy, renewalGrace, approval)
       VALUES (@name, @description, @profile, @policy, @renewalGrace, @approval)
       ON CONFLICT DO UPDATE SET description = excluded.description, profile = excluded.profile,
         policy = excluded.policy, renewalGrace = excluded.renewalGrace, approval = excluded.approval`,
    ),
    putPolicy: putDocument('policies'),
    putProfile: putDocument('profiles'),

    insertToken: database.prepare<TokenRecord>(
      `INSERT INTO tokens (id, secretHash, "group", device, maxUses, uses, createdAt, createdBy,
         expiresAt, revokedAt)
       VALUES (@id, @secretHash, @group, @device, @maxUses, @uses, @createdAt, @createdBy,
         @expiresAt, @revokedAt)`,
    ),
    countTokenUse: database.prepare<[string]>(
      'UPDATE tokens SET uses = uses + 1 WHERE id = ? AND uses < maxUses',
    ),
    insertTokenUse: database.prepare<[string, Fingerprint, SerialNumber]>(
      `INSERT INTO tokenUses (token, keyFingerprint, serialNumber) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET serialNumber = excluded.serialNumber
       WHERE NOT EXISTS (SELECT 1 FROM certificates WHERE serialNumber = tokenUses.serialNumber)`,
    ),
    revokeToken: database.prepare<[number, string]>(
      'UPDATE tokens SET revokedAt = coalesce(revokedAt, ?) WHERE id = ?',
    ),

    putManufacturer: database.prepare<ManufacturerRecord>(
      `INSERT INTO manufacturers (name, "group", idFrom, idPrefix, admit, certificates, changedAt)
       VALUES (@name, @group, @idFrom, @idPrefix, @admit, @certificates, @changedAt)
       ON CONFLICT DO UPDATE SET "group" = excluded."group", idFrom = excluded.idFrom,
         idPrefix = excluded.idPrefix, admit = excluded.admit, certificates = excluded.certificates,
         changedAt = excluded.changedAt`,
    ),
    removeManufacturer: database.prepare<[EntityName]>('DELETE FROM manufacturers WHERE name = ?'),
    putFactoryUse: database.prepare<FactoryUseRecord>(
      `INSERT INTO factoryUses (device, manufacturer, factoryCertificate, keyFingerprint, serialNumber)
       VALUES (@device, @manufacturer, @factoryCertificate, @keyFingerprint, @serialNumber)
       ON CONFLICT DO UPDATE SET manufacturer = excluded.manufacturer,
         factoryCertificate = excluded.factoryCertificate, keyFingerprint = excluded.keyFingerprint,
         serialNumber = excluded.serialNumber`,
    ),
    recordRelease: database.prepare<[DeviceId, number]>(
      'INSERT INTO releases (device, releasedAt) VALUES (?, ?) ON CONFLICT DO NOTHING',
    ),
    endRelease: database.prepare<[DeviceId]>('DELETE FROM releases WHERE device = ?'),

    insertRequest: database.prepare<Omit<RequestRecord, 'id'>>(
      `INSERT INTO requests (status, device, "group", credential, manufacturer, keyFingerprint, keyKind,
         address, createdAt, expiresAt, decidedAt, decidedBy, reason, serialNumber)
       VALUES (@status, @device, @group, @credential, @manufacturer, @keyFingerprint, @keyKind,
         @address, @createdAt, @expiresAt, @decidedAt, @decidedBy, @reason, @serialNumber)`,
    ),
    updateRequest: database.prepare<RequestUpdate & Pick<RequestRecord, 'id'>>(
      `UPDATE requests SET status = @status, expiresAt = @expiresAt, decidedAt = @decidedAt,
         decidedBy = @decidedBy, reason = @reason, serialNumber = @serialNumber
       WHERE id = @id`,
    ),
    removeRequest: database.prepare<[number]>('DELETE FROM requests WHERE id = ?'),

    insertIssuer: database.prepare<NewIssuer>(
      `INSERT INTO issuers (fingerprint, kind, status, serialNumber, subject, notBefore, notAfter, der)
       VALUES (@fingerprint, @kind, @status, @serialNumber, @subject, @notBefore, @notAfter, @der)`,
    ),
    setIssuerStatus: database.prepare<Pick<IssuerRecord, 'fingerprint' | 'status' | 'retiredAt'>>(
      'UPDATE issuers SET status = @status, retiredAt = @retiredAt WHERE fingerprint = @fingerprint',
    ),
    insertCrossCertificate: database.prepare<CrossCertificateRecord>(
      `INSERT INTO crossCertificates (fingerprint, kind, subject, issuer, serialNumber, notBefore, notAfter, der)
       VALUES (@fingerprint, @kind, @subject, @issuer, @serialNumber, @notBefore, @notAfter, @der)`,
    ),
    putCrlNumber: database.prepare<[Fingerprint, bigint]>(
      `INSERT INTO crlNumbers (issuer, number) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET number = excluded.number`,
    ),
    putCrlSharding: database.prepare<[Fingerprint, CrlShards]>(
      'INSERT INTO crlShardings (issuer, shards) VALUES (?, ?) ON CONFLICT DO NOTHING',
    ),
    keepCrl: database.prepare<CrlRecord>(
      `INSERT INTO keptCrls (issuer, part, number, thisUpdate, nextUpdate, der)
       VALUES (@issuer, @part, @number, @thisUpdate, @nextUpdate, @der)
       ON CONFLICT DO UPDATE SET number = excluded.number, thisUpdate = excluded.thisUpdate,
         nextUpdate = excluded.nextUpdate, der = excluded.der`,
    ),

    insertOperator: database.prepare<OperatorRecord>(
      `INSERT INTO operators (name, role, tokenId, secretHash, createdAt)
       VALUES (@name, @role, @tokenId, @secretHash, @createdAt) ON CONFLICT (name) DO NOTHING`,
    ),
    removeOperator: database.prepare<[EntityName]>('DELETE FROM operators WHERE name = ?'),
    blockKey: database.prepare<[Fingerprint, string, number]>(
      `INSERT INTO blockedKeys (keyFingerprint, note, blockedAt) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET note = excluded.note`,
    ),
    unblockKey: database.prepare<[Fingerprint]>('DELETE FROM blockedKeys WHERE keyFingerprint = ?'),

    append: database.prepare<StoredJournalRow>(
      `INSERT INTO journal (seq, time, actor, event, previousHash, hash)
       VALUES (@seq, @time, @actor, @event, @previousHash, @hash)`,
    ),
    housekeeping: prepareHousekeeping(database),
  };
}
