/**
 * Ways to enroll beside a token alone: by the factory certificates of registered manufacturers, once, and with an
 * operator's approval where a group asks for it.
 */
export const enrollmentWays = `
ALTER TABLE groups ADD COLUMN approval TEXT NOT NULL DEFAULT 'none' CHECK (approval IN ('none', 'required'));

CREATE TABLE manufacturers (
  name TEXT PRIMARY KEY,
  "group" TEXT REFERENCES groups,
  idFrom TEXT NOT NULL,
  idPrefix TEXT NOT NULL,
  admit TEXT NOT NULL CHECK (admit IN ('listed', 'any')),
  certificates TEXT NOT NULL,
  changedAt INTEGER NOT NULL,
  -- A device that nobody has imported needs a group to join.
  CHECK (admit = 'listed' OR "group" IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Outlives the manufacturer: what is spent stays spent. The latest one of each device.
CREATE TABLE factoryUses (
  device TEXT PRIMARY KEY REFERENCES devices,
  manufacturer TEXT NOT NULL,
  factoryCertificate TEXT NOT NULL,
  keyFingerprint TEXT NOT NULL,
  serialNumber TEXT NOT NULL REFERENCES certificates (serialNumber)
) STRICT, WITHOUT ROWID;

-- Devices that may enroll by a factory certificate once more.
CREATE TABLE releases (
  device TEXT PRIMARY KEY REFERENCES devices,
  releasedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers are never used again, or an operator could approve another request than the one that was shown.
-- The device need not exist yet.
CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'issued')),
  device TEXT NOT NULL,
  "group" TEXT NOT NULL,
  credential TEXT NOT NULL,
  manufacturer TEXT,
  keyFingerprint TEXT NOT NULL,
  keyKind TEXT NOT NULL,
  address TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  expiresAt INTEGER,
  decidedAt INTEGER,
  decidedBy TEXT,
  reason TEXT,
  serialNumber TEXT REFERENCES certificates (serialNumber),
  CHECK ((status IN ('pending', 'approved')) = (expiresAt IS NOT NULL)),
  CHECK ((status = 'issued') = (serialNumber IS NOT NULL))
) STRICT;
CREATE INDEX requestsByStatus ON requests (status, id);
CREATE INDEX requestsByCredential ON requests (credential, keyFingerprint, id);
CREATE INDEX requestsByAge ON requests (credential, id);
-- Nearly empty at any time: what is open is either decided and fetched, or lapses.
CREATE INDEX openRequests ON requests (expiresAt) WHERE expiresAt IS NOT NULL;
CREATE INDEX openRequestsByCredential ON requests (credential, expiresAt) WHERE expiresAt IS NOT NULL;
`;
