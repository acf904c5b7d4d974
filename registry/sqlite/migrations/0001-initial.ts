/**
 * The first schema. Columns bear the names of the records' fields (registry/records.ts), so that a row is a
 * record. Foreign keys are immediate, never deferred: a violation must fail the one write that caused it and
 * not the COMMIT that it shares with others.
 */
export const initial = `
CREATE TABLE policies (
  name TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  changedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles (
  name TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  changedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
  name TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  profile TEXT NOT NULL REFERENCES profiles,
  policy TEXT NOT NULL REFERENCES policies
) STRICT, WITHOUT ROWID;

CREATE TABLE issuers (
  fingerprint TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('root', 'issuing')),
  status TEXT NOT NULL CHECK (status IN ('active', 'retiring', 'retired')),
  serialNumber TEXT NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  notBefore INTEGER NOT NULL,
  notAfter INTEGER NOT NULL,
  der BLOB NOT NULL
) STRICT;

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  "group" TEXT NOT NULL REFERENCES groups,
  status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
  attributes TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  changedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The primary key is the last column of every index of a table WITHOUT ROWID: these list in the order of IDs.
CREATE INDEX devicesByGroup ON devices ("group");
CREATE INDEX devicesByStatus ON devices (status);
CREATE INDEX devicesByGroupAndStatus ON devices ("group", status);

CREATE TRIGGER deviceRevocationIsFinal BEFORE UPDATE OF status ON devices
WHEN OLD.status = 'revoked' AND NEW.status <> 'revoked'
BEGIN SELECT RAISE(ABORT, 'a revoked device stays revoked'); END;

CREATE TABLE certificates (
  serialNumber TEXT NOT NULL UNIQUE,
  fingerprint TEXT NOT NULL UNIQUE,
  keyFingerprint TEXT NOT NULL,
  device TEXT REFERENCES devices,
  issuer TEXT NOT NULL REFERENCES issuers,
  status TEXT NOT NULL CHECK (status IN ('active', 'superseded', 'suspended', 'revoked')),
  notBefore INTEGER NOT NULL,
  notAfter INTEGER NOT NULL,
  issuedAt INTEGER NOT NULL,
  revokedAt INTEGER,
  reason TEXT,
  der BLOB NOT NULL,
  CHECK ((status <> 'active') = (revokedAt IS NOT NULL)),
  CHECK ((status <> 'active') = (reason IS NOT NULL))
) STRICT;

CREATE INDEX certificatesByDevice ON certificates (device, issuedAt);
CREATE INDEX certificatesByKey ON certificates (keyFingerprint, device);
-- All that a CRL needs, for those still in time, without touching the table.
CREATE INDEX revokedCertificates
  ON certificates (issuer, notAfter, serialNumber, revokedAt, reason, status)
  WHERE status <> 'active';

CREATE TRIGGER certificateRevocationIsFinal BEFORE UPDATE OF status ON certificates
WHEN OLD.status = 'revoked' AND NEW.status <> 'revoked'
BEGIN SELECT RAISE(ABORT, 'a revoked certificate stays revoked'); END;

CREATE TABLE tokens (
  id TEXT NOT NULL UNIQUE,
  secretHash TEXT NOT NULL,
  "group" TEXT NOT NULL REFERENCES groups,
  device TEXT,
  maxUses INTEGER NOT NULL CHECK (maxUses >= 1),
  uses INTEGER NOT NULL CHECK (uses BETWEEN 0 AND maxUses),
  createdAt INTEGER NOT NULL,
  createdBy TEXT NOT NULL,
  expiresAt INTEGER NOT NULL,
  revokedAt INTEGER
) STRICT;
CREATE INDEX tokensByAge ON tokens (createdAt);

CREATE TABLE tokenUses (
  token TEXT NOT NULL REFERENCES tokens (id),
  keyFingerprint TEXT NOT NULL,
  serialNumber TEXT NOT NULL REFERENCES certificates (serialNumber),
  PRIMARY KEY (token, keyFingerprint)
) STRICT, WITHOUT ROWID;

-- The latest one of each issuer.
CREATE TABLE crls (
  issuer TEXT PRIMARY KEY REFERENCES issuers,
  number INTEGER NOT NULL,
  thisUpdate INTEGER NOT NULL,
  nextUpdate INTEGER NOT NULL,
  der BLOB NOT NULL
) STRICT;

CREATE TABLE operators (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  tokenId TEXT NOT NULL UNIQUE,
  secretHash TEXT NOT NULL,
  createdAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blockedKeys (
  keyFingerprint TEXT PRIMARY KEY,
  note TEXT NOT NULL,
  blockedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The event is one canonical JSON text: what is hashed is what is stored, whatever characters it holds.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  event TEXT NOT NULL,
  previousHash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;

-- Also refuses INSERT OR REPLACE, which would delete without firing the trigger for DELETE.
CREATE TRIGGER journalHasNoGap BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'a journal row must follow the last one'); END;

CREATE TRIGGER journalIsNotEdited BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER journalIsNotCut BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
`;
