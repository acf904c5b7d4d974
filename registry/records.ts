/** The rows of a registry, as plain readonly records. Times are milliseconds since the Unix epoch. */
import type { Approval, RequestStatus } from '../core/enrollment/approval.ts';
import type { FactoryAdmission, NamingRule } from '../core/enrollment/factory-rule.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from '../core/ids.ts';
import type { CrlPart } from '../core/pki/crl-names.ts';
import type { KeyKind } from '../core/pki/public-key.ts';
import type { RevocationReason } from '../core/pki/revocation-reason.ts';

export type DeviceStatus = 'active' | 'suspended' | 'revoked';
export type CertificateStatus = 'active' | 'superseded' | 'suspended' | 'revoked';
export type OperatorRole = 'viewer' | 'operator' | 'admin';

export interface DeviceRecord {
  readonly id: DeviceId;
  readonly group: EntityName;
  readonly status: DeviceStatus;
  /** Free values that policies may use as `{attr.NAME}`. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly changedAt: number;
}

export interface CertificateRecord {
  readonly serialNumber: SerialNumber;
  /** SHA-256 over the certificate's DER. */
  readonly fingerprint: Fingerprint;
  /** SHA-256 over the SubjectPublicKeyInfo. */
  readonly keyFingerprint: Fingerprint;
  /** The device it names, or null for a certificate of Gatehouse's own listeners. */
  readonly device: DeviceId | null;
  /** Fingerprint of the CA certificate that issued it. */
  readonly issuer: Fingerprint;
  readonly status: CertificateStatus;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly issuedAt: number;
  readonly revokedAt: number | null;
  readonly reason: RevocationReason | null;
  /** The certificate of the same device that this one renews; null where it came of an enrollment, or that one is gone. */
  readonly renews: SerialNumber | null;
  /** When a renewed certificate was first used at the broker; null until then. */
  readonly firstUsedAt: number | null;
  /** Of the journal row that last changed the status; null where that never changed. The registry sets it by itself. */
  readonly statusSeq: number | null;
  readonly der: Uint8Array;
}

/** What others who ask by OCSP are told of a certificate. */
export type StatusRecord = Pick<CertificateRecord, 'issuer' | 'status' | 'issuedAt' | 'revokedAt' | 'reason'>;

export interface GroupRecord {
  readonly name: EntityName;
  readonly description: string;
  readonly profile: EntityName;
  readonly policy: EntityName;
  /** ms for which an expired certificate may still be renewed. */
  readonly renewalGrace: number;
  readonly approval: Approval;
}

/** A policy or profile as the operator wrote it: JSON text, validated before it was stored. */
export interface DocumentRecord {
  readonly name: EntityName;
  readonly document: string;
  readonly changedAt: number;
}

export interface TokenRecord {
  /** The public part, shown in lists and logs. */
  readonly id: string;
  /** Hex SHA-256 of the secret part. */
  readonly secretHash: string;
  readonly group: EntityName;
  /** An exact device ID, a pattern with `*`, or null for any ID. */
  readonly device: string | null;
  readonly maxUses: number;
  readonly uses: number;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** Whose factory certificates enroll devices, and which. */
export interface ManufacturerRecord extends NamingRule {
  readonly name: EntityName;
  /** What devices join that nobody has imported, and what imported ones must be in; null: any group, imported ones alone. */
  readonly group: EntityName | null;
  readonly admit: FactoryAdmission;
  /** PEM, as core/pki/manufacturer-cas.ts reads it. */
  readonly certificates: string;
  readonly changedAt: number;
}

/** By which factory certificate, and with which key, a device enrolled last. */
export interface FactoryUseRecord {
  readonly device: DeviceId;
  readonly manufacturer: EntityName;
  readonly factoryCertificate: Fingerprint;
  readonly keyFingerprint: Fingerprint;
  /** What it was given. */
  readonly serialNumber: SerialNumber;
}

/** By what somebody asks to enroll: the public part of a token, or a factory certificate. */
export type CredentialName = `token:${string}` | `factory:${Fingerprint}`;

/** An enrollment that needs, or needed, an operator's word. */
export interface RequestRecord {
  readonly id: number;
  readonly status: RequestStatus;
  readonly device: DeviceId;
  /** When it was asked for; what counts is the group at the time of issue. */
  readonly group: EntityName;
  readonly credential: CredentialName;
  /** Null where the credential is a token. */
  readonly manufacturer: EntityName | null;
  readonly keyFingerprint: Fingerprint;
  readonly keyKind: KeyKind;
  /** Where it came from. */
  readonly address: string;
  readonly createdAt: number;
  /** From when on it is as if it had never been; null once it is denied or issued. */
  readonly expiresAt: number | null;
  readonly decidedAt: number | null;
  readonly decidedBy: string | null;
  /** The operator's, for the device. */
  readonly reason: string | null;
  readonly serialNumber: SerialNumber | null;
}

/** A CA certificate. The root is an issuer too: `kind: 'root'`. */
export interface IssuerRecord {
  readonly fingerprint: Fingerprint;
  readonly kind: 'root' | 'issuing';
  readonly status: 'active' | 'retiring' | 'retired';
  readonly serialNumber: SerialNumber;
  readonly subject: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Null until then. */
  readonly retiredAt: number | null;
  readonly der: Uint8Array;
}
/** Nothing begins as retired. */
export type NewIssuer = Omit<IssuerRecord, 'retiredAt'>;

/** One root's key, certified by another root in a rollover (RFC 4210 §4.4). */
export interface CrossCertificateRecord {
  readonly fingerprint: Fingerprint;
  readonly kind: 'oldWithNew' | 'newWithOld';
  /** Fingerprint of the root that is certified. */
  readonly subject: Fingerprint;
  /** Fingerprint of the root that signed. */
  readonly issuer: Fingerprint;
  readonly serialNumber: SerialNumber;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly der: Uint8Array;
}

export interface DeviceCount {
  readonly devices: number;
  /** The last device that was counted; null where there was none. */
  readonly last: DeviceId | null;
}

/**
 * How far the fleet has moved to the active issuing CA. A device counts for as long as it has a certificate that stands,
 * is suspended, or may still be renewed.
 */
export interface FleetProgress {
  readonly devices: number;
  /** Of these, the ones that are known to have a certificate of the active issuing CA. */
  readonly moved: number;
  /** And those that would be locked out if the issuer in question were retired. */
  readonly dependents: number;
  /** The last device that was counted; null where there was none. */
  readonly last: DeviceId | null;
}

export interface OperatorRecord {
  readonly name: EntityName;
  readonly role: OperatorRole;
  readonly tokenId: string;
  /** Hex SHA-256 of the secret part of the operator's token. */
  readonly secretHash: string;
  readonly createdAt: number;
}

/** A public key that no device may enroll. */
export interface BlockedKeyRecord {
  /** SHA-256 over the SubjectPublicKeyInfo. */
  readonly keyFingerprint: Fingerprint;
  readonly note: string;
  readonly blockedAt: number;
}

/** A list that nobody may be able to sign again: of a root, or the last ones of a CA. */
export interface CrlRecord {
  readonly issuer: Fingerprint;
  readonly part: CrlPart;
  readonly number: bigint;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly der: Uint8Array;
}

/** What is known of such a list without reading it. */
export type KeptCrl = Omit<CrlRecord, 'der'> & { readonly bytes: number };

/** What changed among an issuer's certificates: `urgent` if anything did but that some were superseded. */
export type StatusChange = 'superseded' | 'urgent';

/** One that is active or suspended, and where it stands among those of its issuer. */
export interface LiveCertificate {
  readonly serialNumber: SerialNumber;
  readonly device: DeviceId;
  /** Grows with each that is issued. */
  readonly position: number;
}

/** One that is revoked, and may be for more. */
export interface RaisableCertificate {
  readonly serialNumber: SerialNumber;
  readonly device: DeviceId;
  readonly reason: RevocationReason;
  /** ms */
  readonly notAfter: number;
}

/** A file that holds rows of the journal which have left the registry, or are about to. */
export interface JournalArchiveRecord {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of its last row: what the next one builds on. */
  readonly lastHash: string;
  /** Its name, without a folder. */
  readonly file: string;
  /** Hex, over the file as it is. */
  readonly sha256: string;
  readonly bytes: number;
  readonly archivedAt: number;
}

/** Rows that have left the registry for good. */
export interface Pruned {
  readonly certificates: number;
  readonly tokens: number;
  readonly tokenUses: number;
  readonly requests: number;
}

/** What the registry takes on disk, without what waits to be folded into its file. */
export interface RegistrySpace {
  readonly bytes: number;
  /** Of these, the ones that are free, and taken by new rows before the file grows. */
  readonly freeBytes: number;
}

/** What decides whether a certificate stands, and what it stands for, read at one moment: asked for with every connect. */
export interface Admission {
  readonly certificate: Pick<
    CertificateRecord,
    | 'serialNumber'
    | 'fingerprint'
    | 'device'
    | 'issuer'
    | 'status'
    | 'notBefore'
    | 'notAfter'
    | 'renews'
    | 'firstUsedAt'
  >;
  readonly device: Pick<DeviceRecord, 'id' | 'group' | 'status' | 'attributes'>;
  readonly issuer: Pick<IssuerRecord, 'kind' | 'status' | 'subject'>;
  readonly policy: Pick<DocumentRecord, 'name' | 'document'>;
  /** Of the journal's last row at that moment. */
  readonly seq: number;
  /** As `RegistryReader.revokedSeq`; null where the device never was. */
  readonly revokedSeq: number | null;
}
