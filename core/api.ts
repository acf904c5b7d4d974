/**
 * The shapes that go over HTTP: what enroll answers and what the operator's commands and the simulator read.
 * Times are ISO 8601 in UTC; certificates are PEM.
 */
import type { Approval, RequestStatus } from './enrollment/approval.ts';
import type { FactoryAdmission, IdSource } from './enrollment/factory-rule.ts';
import type { DeviceId, EntityName, Fingerprint, SerialNumber } from './ids.ts';
import type { RefusedAction } from './observations/refusal.ts';
import type { CrlPart } from './pki/crl-names.ts';
import type { KeyKind } from './pki/public-key.ts';

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** One of core/errors.ts; typed as text because a newer server may know more of them. */
  readonly code: string;
  readonly remedy: string;
}

/**
 * POST /v1/enroll, with a token or a factory certificate, and POST /v1/renew, with the certificate to renew: 201, or
 * 200 where the same key has this certificate already. An enrollment that waits for an operator is 202, an `AwaitingResponse`.
 */
export interface EnrollRequest {
  readonly csr: string;
}
export interface EnrollResponse {
  readonly deviceId: DeviceId;
  readonly serialNumber: SerialNumber;
  /** The device's certificate. */
  readonly certificate: string;
  /** The issuing CA's certificate and whatever is between it and the root, without the root. */
  readonly chain: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly renewAfter: string;
  readonly mqttUrl: string;
}

/** The same request, after as many seconds as it says (and the header Retry-After), asks how it stands. */
export interface AwaitingResponse {
  readonly status: 'pending';
  /** For the operator: `gatehouse request show`. */
  readonly request: number;
  readonly deviceId: DeviceId;
  /** Seconds. */
  readonly retryAfter: number;
}

/** GET /api/v1/devices and /api/v1/devices/ID */
export interface DeviceView {
  readonly id: DeviceId;
  readonly group: EntityName;
  readonly status: 'active' | 'suspended' | 'revoked';
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly changedAt: string;
  /** When it was first given a certificate; null where it has not enrolled yet. */
  readonly enrolledAt: string | null;
  /** Null where it was never seen at the broker. */
  readonly presence: PresenceView | null;
}
/** How a device was last seen at the broker. */
export interface PresenceView {
  /** `unknown`: it was online, and the broker has not been heard of since. */
  readonly status: 'online' | 'offline' | 'unknown';
  /** When it came online, went offline, or was last known to be online. */
  readonly since: string;
  /** Why it went (core/observations/departure.ts); null where it did not. */
  readonly reason: string | null;
  readonly lastSeenAt: string;
  readonly connectedAt: string;
  /** 0 where it is not online. */
  readonly sessions: number;
  /** Of its newest session, as the rest. */
  readonly clientId: string;
  readonly address: string;
  readonly tlsVersion: string | null;
  readonly serialNumber: string;
}
export interface DeviceDetail extends DeviceView {
  /** Newest first, the newest hundred at most. */
  readonly certificates: readonly CertificateView[];
  /** By which factory certificate it enrolled last; null where by none. */
  readonly factory: { readonly manufacturer: EntityName; readonly certificate: Fingerprint } | null;
  /** Since when it may enroll by its factory certificate once more; null where it may not. */
  readonly releasedAt: string | null;
}
/** GET /api/v1/devices/ID/refusals: what was refused lately, newest first; also of an ID that no device has. */
export interface RefusalsView {
  /** Of the device: it has proven to be it. */
  readonly items: readonly RefusalView[];
  /** Of strangers, whose certificates only claim to be the device's. */
  readonly claims: readonly RefusalView[];
}
/** Refusals that differ in nothing but their time, and what is told of the latest of them. */
export interface RefusalView {
  readonly action: RefusedAction;
  /** As Problem.code. */
  readonly rule: string;
  /** Topic or filter; null where the refusal is about none. */
  readonly topic: string | null;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly detail: string;
  readonly remedy: string;
  readonly serialNumber: string | null;
  readonly clientId: string | null;
  readonly address: string;
}

/** GET /api/v1/devices/ID/explanation: how it stands with the device, and what to do; also of an ID that no device has. */
export interface DeviceExplanation extends RefusalsView {
  readonly id: DeviceId;
  /** Null where there is no such device. */
  readonly device: DeviceDetail | null;
  /** Of its group. */
  readonly policy: EntityName | null;
  /** The gravest first. */
  readonly findings: readonly Finding[];
}
export interface Finding {
  readonly severity: 'problem' | 'note';
  readonly text: string;
  /** What to do about it; null where nothing is to be done. */
  readonly next: string | null;
}
/** A page; `next` is the value for `?after=` of the next one, null on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** GET /api/v1/certificates/SERIAL */
export interface CertificateView {
  readonly serialNumber: SerialNumber;
  readonly fingerprint: Fingerprint;
  readonly device: DeviceId | null;
  readonly issuer: Fingerprint;
  readonly status: 'active' | 'superseded' | 'suspended' | 'revoked';
  readonly notBefore: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
  readonly reason: string | null;
  /** The certificate that this one renews, if any, and when it was first used at the broker since. */
  readonly renews: SerialNumber | null;
  readonly firstUsedAt: string | null;
  readonly pem: string;
}

/**
 * POST /api/v1/devices/ID/{revoke,suspend,resume,reinstate,release} and /api/v1/certificates/SERIAL/revoke: whoever asks
 * about one is answered with that one as it is afterwards, the DeviceDetail or CertificateView. No body is all defaults.
 */
export interface RevokeRequest {
  readonly reason?: string;
}

/**
 * POST /api/v1/groups/NAME/{revoke,suspend,resume} and /api/v1/issuers/FINGERPRINT/revoke-certificates: 409 where more
 * devices, or certificates, would change than `atMost`, 0 where absent. A reason goes with what revokes.
 */
export interface BulkChangeRequest extends RevokeRequest {
  readonly atMost?: number;
  readonly dryRun?: boolean;
}
/**
 * These answer NDJSON, and so do POST /api/v1/devices/{revoke,suspend,resume,reinstate,release} and
 * /api/v1/certificates/revoke, which take NDJSON: `{"id"}` or `{"serialNumber"}` a line, with `reason`, `atMost` and
 * `dryRun` in the query. The same lines come whether it is a dry run or not: how far it is, whom it concerns, some in a
 * line, and how it ended. What comes before the result counts for nothing until the result is there.
 */
export type ChangeAnswer =
  | BulkAnswer<ChangeResult>
  | { readonly devices: readonly ChangingDevice[] }
  | { readonly certificates: readonly ChangingCertificate[] };
export interface ChangeResult {
  /** Nothing was written: these are the numbers that would be. */
  readonly dryRun: boolean;
  readonly counts: ChangeCounts;
}
export interface ChangeCounts {
  /** Devices that changed; none where certificates alone were revoked. */
  readonly devices: number;
  /** Those of the devices, where devices changed. */
  readonly certificates: number;
  /** They were named, and were so before. */
  readonly unchanged: number;
}
/** What every command that changes devices or certificates, one or many, prints with --json: the whole answer as one. */
export interface ChangeReport extends ChangeResult {
  readonly devices: readonly ChangingDevice[];
  /** That were revoked by themselves; those that changed with their devices are named there. */
  readonly certificates: readonly ChangingCertificate[];
}
export interface ChangingDevice {
  readonly id: DeviceId;
  /** From then on. */
  readonly status: DeviceView['status'];
  /** Serial numbers of those that change with it. */
  readonly certificates: readonly SerialNumber[];
}
export interface ChangingCertificate {
  readonly serialNumber: SerialNumber;
  /** Null for one of Gatehouse's own listeners. */
  readonly device: DeviceId | null;
}

/** PATCH /api/v1/devices/ID */
export interface DeviceChange {
  readonly group?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/**
 * POST /api/v1/devices/import and /api/v1/blocked-keys/import take NDJSON and answer NDJSON: how far the one
 * transaction is, then the summary, or the problem where it was refused after all. What can be refused before it is
 * answered as every other problem.
 */
export type ImportAnswer = BulkAnswer<ImportResult>;
/** One line of the answer to a call that changes many at once. */
export type BulkAnswer<Result> =
  | { readonly written: number; readonly of: number }
  | { readonly result: Result }
  | { readonly problem: Problem };
export interface ImportResult {
  readonly imported: number;
  /** They were there before, just as the file has them. */
  readonly unchanged: number;
  readonly updated: number;
  /** Nothing was written: these are the numbers that would be. */
  readonly dryRun: boolean;
}
/** What is wrong with one line of an import. */
export interface LineError {
  /** From 1. */
  readonly line: number;
  /** As Problem.code. */
  readonly code: string;
  readonly detail: string;
}
/** RFC 9457 §3.2: extension members of the problem `import_refused`. */
export interface ImportProblem extends Problem {
  /** The first of them, in the order of the lines. */
  readonly errors: readonly LineError[];
  /** Of all. */
  readonly errorCount: number;
}

/** POST /api/v1/tokens */
export interface TokenRequest {
  readonly group?: string;
  /** An exact ID, or a pattern with `*`. */
  readonly device?: string;
  /** 1 where absent. */
  readonly maxUses?: number;
  /** Seconds; 86,400 where absent. */
  readonly expiresIn?: number;
}
export interface TokenView {
  readonly id: string;
  readonly group: EntityName;
  readonly device: string | null;
  readonly maxUses: number;
  readonly uses: number;
  readonly status: 'active' | 'spent' | 'expired' | 'revoked';
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
}
/** The only time that the token itself is shown. */
export interface TokenCreated extends TokenView {
  readonly token: string;
}

/** PUT /api/v1/groups/NAME */
export interface GroupView {
  readonly name: EntityName;
  readonly description: string;
  readonly profile: EntityName;
  readonly policy: EntityName;
  /** Seconds for which an expired certificate may still be renewed. PUT also takes a duration such as `30d`. */
  readonly renewalGrace: number;
  /** Whether enrolling into it takes an operator's word. */
  readonly approval: Approval;
}

/** PUT /api/v1/manufacturers/NAME */
export interface ManufacturerRequest {
  readonly group?: string | null;
  readonly idFrom?: IdSource;
  readonly idPrefix?: string;
  readonly admit?: FactoryAdmission;
  /** PEM of the CA certificates. */
  readonly certificates: string;
}
export interface ManufacturerView {
  readonly name: EntityName;
  /** Null: any, where only imported devices are admitted. */
  readonly group: EntityName | null;
  readonly idFrom: IdSource;
  readonly idPrefix: string;
  readonly admit: FactoryAdmission;
  readonly changedAt: string;
  readonly certificates: readonly {
    readonly subject: string;
    readonly fingerprint: Fingerprint;
    readonly notAfter: string;
    /** Whether factory certificates must lead to this one; the others are there to validate it. */
    readonly anchor: boolean;
    readonly pem: string;
  }[];
}

/** GET /api/v1/requests and /api/v1/requests/ID; POST …/{approve,deny} answer it as well. */
export interface RequestView {
  readonly id: number;
  readonly status: RequestStatus;
  readonly device: DeviceId;
  readonly group: EntityName;
  /** The id of the token that was shown; null where it was a factory certificate. */
  readonly token: string | null;
  readonly manufacturer: EntityName | null;
  readonly factoryCertificate: Fingerprint | null;
  readonly keyKind: KeyKind;
  readonly keyFingerprint: Fingerprint;
  readonly address: string;
  readonly createdAt: string;
  /** When it lapses; null once it is denied or issued. */
  readonly expiresAt: string | null;
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  readonly serialNumber: SerialNumber | null;
}

/** GET /api/v1/blocked-keys */
export interface BlockedKeyView {
  /** SHA-256 over the SubjectPublicKeyInfo. */
  readonly fingerprint: Fingerprint;
  readonly note: string;
  readonly blockedAt: string;
}

/** GET /api/v1/issuers */
export interface IssuerView {
  readonly fingerprint: Fingerprint;
  readonly kind: 'root' | 'issuing';
  readonly status: 'active' | 'retiring' | 'retired';
  readonly serialNumber: SerialNumber;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly pem: string;
}

/** GET /api/v1/issuers/status */
export interface CaStatusView {
  /** Devices with a certificate that stands, is suspended, or may still be renewed. */
  readonly devices: number;
  /** Of these, the ones that are known to have a certificate of the active issuing CA. */
  readonly moved: number;
  readonly issuers: readonly IssuerStatusView[];
}
export interface IssuerStatusView extends IssuerView {
  /** On the active issuing CA, or dependent on a retiring one; null for roots and for what is retired. */
  readonly devices: number | null;
  /** Its CRLs: the full list, the delta and the shards, as far as there are any. */
  readonly crls: readonly CrlView[];
}
export interface CrlView {
  readonly list: CrlPart;
  readonly number: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  /** Certificates on it; null where that was not counted. */
  readonly entries: number | null;
  /** Of the DER. */
  readonly bytes: number;
  /** Under the address of the status listener; `.pem` in place of `.crl` gives PEM. */
  readonly path: string;
}

/** POST /api/v1/issuers/rotate */
export interface RotateRequest {
  readonly root?: boolean;
}
export interface CaRotation {
  readonly issuing: IssuerView;
  /** Null where the root stayed. */
  readonly root: IssuerView | null;
}

/** POST /api/v1/issuers/FINGERPRINT/retire: 409 where more devices would be locked out than `lockOut`, 0 where absent. */
export interface RetireRequest {
  readonly lockOut?: number;
}
export interface CaRetirement {
  readonly issuer: IssuerView;
  /** Devices that had nothing else. */
  readonly lockedOut: number;
  /** Whether the root's CRL tells others of it; the root's key has to be at hand for that. */
  readonly listedByRoot: boolean;
}

/** GET /api/v1/journal/archives */
export interface JournalArchiveView {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of its last row: what the next one builds on. */
  readonly lastHash: string;
  readonly file: string;
  /** Hex, over the file. */
  readonly sha256: string;
  readonly bytes: number;
  readonly archivedAt: string;
}

/** GET /api/v1/housekeeping; POST /api/v1/housekeeping/run answers it with 202, while the run goes on. */
export interface HousekeepingView {
  /** Seconds; null for ever. */
  readonly retention: number | null;
  /** What ended by then goes; null where everything stays. */
  readonly before: string | null;
  readonly running: boolean;
  readonly lastRun: HousekeepingRunView | null;
  /** What would go now, counted up to 10,000; null where everything stays. */
  readonly due: { readonly certificates: number; readonly tokens: number } | null;
  readonly registry: {
    readonly bytes: number;
    /** Free within, and taken by new rows before the file grows. */
    readonly freeBytes: number;
  };
  /** Up to which row the journal is in archives; null where it is in none. */
  readonly lastArchive: JournalArchiveView | null;
}
export interface HousekeepingRunView {
  readonly startedAt: string;
  readonly endedAt: string;
  /** How many left the registry. */
  readonly certificates: number;
  readonly tokens: number;
  readonly tokenUses: number;
  readonly requests: number;
  readonly journalRows: number;
  readonly archives: number;
  /** What kept it from its end; null where nothing did. */
  readonly failure: string | null;
}

/** GET /api/v1/operators */
export interface OperatorView {
  readonly name: EntityName;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly createdAt: string;
}
export interface OperatorCreated extends OperatorView {
  readonly token: string;
}

/** POST /api/v1/policies/test */
export interface PolicyTestRequest {
  readonly device: string;
  /** Exactly one of the two. */
  readonly publish?: string;
  readonly subscribe?: string;
}
export interface PolicyTestResult {
  readonly device: DeviceId;
  readonly group: EntityName;
  readonly policy: EntityName;
  /** A device that is not active may do nothing, whatever its policy grants. */
  readonly deviceStatus: 'active' | 'suspended' | 'revoked';
  readonly allowed: boolean;
  /** The filter of the policy that decided, variables filled in; null where nothing granted it. */
  readonly rule: string | null;
  readonly reason: string;
  /** What of this the broker refused the device lately; null where nothing. */
  readonly refused: { readonly count: number; readonly firstAt: string; readonly lastAt: string } | null;
}

/** POST /api/v1/profiles/test: what a profile makes of a device, shown by a certificate that is worth nothing. */
export interface ProfileTestRequest {
  /** The profile as PUT /api/v1/profiles/NAME takes it, with its name. */
  readonly document: Readonly<Record<string, unknown>>;
  /** A device as it is registered; a made-up one where absent. */
  readonly device?: string;
}
export interface ProfileTestResult {
  readonly profile: EntityName;
  readonly device: { readonly id: DeviceId; readonly group: EntityName; readonly madeUp: boolean };
  /** Attributes of the device that the names use. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly subject: string;
  /** `URI:…`, `DNS:…` */
  readonly subjectAltNames: readonly string[];
  readonly keyUsage: readonly string[];
  readonly extendedKeyUsage: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  readonly renewAfter: string;
  /** The kinds of key that the profile takes. */
  readonly keys: readonly string[];
  readonly serverKeygen: boolean;
  /** Signed by a CA that was made for it and thrown away: no relying party accepts it. */
  readonly certificate: string;
}
