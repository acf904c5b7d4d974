/**
 * Housekeeping: what has had its time leaves the registry, and what must never be forgotten of it stays, in less room.
 *
 * `tokenUses` and `factoryUses` are made anew because they may now name certificates that are gone. Such a name leads
 * nowhere else: serial numbers are never used again. `certificates` keeps its foreign key, since to make it anew would
 * cost a registry of a million devices minutes; so the keys that lead to it have an index each.
 */
export const housekeeping = `
-- Outlasts the certificates it was told by: a device that has been enrolled is so for ever.
ALTER TABLE devices ADD COLUMN enrolledAt INTEGER;
UPDATE devices SET enrolledAt = (SELECT min(issuedAt) FROM certificates WHERE device = devices.id);

-- Public keys of certificates that are gone. \`key\`: the first 16 bytes of the SHA-256 over the SubjectPublicKeyInfo;
-- to find another key with the same ones takes 2^128 attempts.
CREATE TABLE formerKeys (
  key BLOB PRIMARY KEY CHECK (length(key) = 16),
  device TEXT NOT NULL REFERENCES devices
) STRICT, WITHOUT ROWID;

-- Those that can be renewed no more, and those that might be, in the grace of their group.
CREATE INDEX endedCertificates ON certificates (notAfter) WHERE status IN ('superseded', 'revoked');
CREATE INDEX renewableCertificates ON certificates (notAfter) WHERE status IN ('active', 'suspended');
CREATE INDEX certificatesByRenewed ON certificates (renews) WHERE renews IS NOT NULL;
CREATE INDEX requestsByCertificate ON requests (serialNumber) WHERE serialNumber IS NOT NULL;
CREATE INDEX tokensByExpiry ON tokens (expiresAt);

CREATE TABLE newTokenUses (
  token TEXT NOT NULL REFERENCES tokens (id),
  keyFingerprint TEXT NOT NULL,
  serialNumber TEXT NOT NULL,
  PRIMARY KEY (token, keyFingerprint)
) STRICT, WITHOUT ROWID;
INSERT INTO newTokenUses SELECT token, keyFingerprint, serialNumber FROM tokenUses;
DROP TABLE tokenUses;
ALTER TABLE newTokenUses RENAME TO tokenUses;

CREATE TABLE newFactoryUses (
  device TEXT PRIMARY KEY REFERENCES devices,
  manufacturer TEXT NOT NULL,
  factoryCertificate TEXT NOT NULL,
  keyFingerprint TEXT NOT NULL,
  serialNumber TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO newFactoryUses
  SELECT device, manufacturer, factoryCertificate, keyFingerprint, serialNumber FROM factoryUses;
DROP TABLE factoryUses;
ALTER TABLE newFactoryUses RENAME TO factoryUses;

-- The files that hold the journal's first rows, each up to a row with this hash. The newest row is in no archive, or
-- the next one would have nothing to follow.
CREATE TABLE journalArchives (
  lastSeq INTEGER PRIMARY KEY,
  firstSeq INTEGER NOT NULL,
  lastHash TEXT NOT NULL,
  file TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  archivedAt INTEGER NOT NULL,
  CHECK (firstSeq <= lastSeq)
) STRICT;

CREATE TRIGGER journalArchiveFollows BEFORE INSERT ON journalArchives
WHEN NEW.firstSeq IS NOT (SELECT coalesce(max(lastSeq), 0) + 1 FROM journalArchives)
  OR NEW.lastHash IS NOT (SELECT hash FROM journal WHERE seq = NEW.lastSeq)
  OR NEW.lastSeq >= (SELECT max(seq) FROM journal)
BEGIN SELECT RAISE(ABORT, 'a journal archive must follow the last one, and end with a row of the journal before its last'); END;

CREATE TRIGGER journalArchiveIsNotEdited BEFORE UPDATE ON journalArchives
BEGIN SELECT RAISE(ABORT, 'the list of journal archives is append-only'); END;

CREATE TRIGGER journalArchiveIsNotForgotten BEFORE DELETE ON journalArchives
BEGIN SELECT RAISE(ABORT, 'the list of journal archives is append-only'); END;

-- From the first row on, and no row that is not in an archive.
DROP TRIGGER journalIsNotCut;
CREATE TRIGGER journalIsNotCut BEFORE DELETE ON journal
WHEN OLD.seq > (SELECT coalesce(max(lastSeq), 0) FROM journalArchives)
  OR OLD.seq <> (SELECT min(seq) FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
`;
