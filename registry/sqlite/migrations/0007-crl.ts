/**
 * What CRLs need at a million certificates: which certificates changed since a row of the journal, one counter of CRL
 * numbers an issuer, into which shards an issuer's certificates were ever split, and the lists that nobody can sign
 * again (the root's, those of a CA that was retired). All others are files.
 */
export const crl = `
-- The journal row of the transaction that last changed the status; null for those that are as they were issued.
ALTER TABLE certificates ADD COLUMN statusSeq INTEGER;
UPDATE certificates SET statusSeq = (SELECT max(seq) FROM journal) WHERE status <> 'active';

-- All that a delta needs, and whether anything changed, without touching the table.
CREATE INDEX statusChanges
  ON certificates (issuer, statusSeq, serialNumber, notAfter, revokedAt, reason, status)
  WHERE statusSeq IS NOT NULL;

-- The last number that was given out, whether or not a list came of it.
CREATE TABLE crlNumbers (
  issuer TEXT PRIMARY KEY REFERENCES issuers,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO crlNumbers SELECT issuer, number FROM crls;

-- RFC 5280 §5.2.3: a number that was used once is never used again.
CREATE TRIGGER crlNumbersIncrease BEFORE UPDATE ON crlNumbers
WHEN NEW.number <= OLD.number
BEGIN SELECT RAISE(ABORT, 'CRL numbers increase'); END;

CREATE TABLE crlShardings (
  issuer TEXT NOT NULL REFERENCES issuers,
  shards INTEGER NOT NULL CHECK (shards IN (16, 256)),
  PRIMARY KEY (issuer, shards)
) STRICT, WITHOUT ROWID;

CREATE TABLE keptCrls (
  issuer TEXT NOT NULL REFERENCES issuers,
  part TEXT NOT NULL,
  number INTEGER NOT NULL,
  thisUpdate INTEGER NOT NULL,
  nextUpdate INTEGER NOT NULL,
  der BLOB NOT NULL,
  PRIMARY KEY (issuer, part)
) STRICT;
-- Those of issuing CAs in use too: they are served until there are files.
INSERT INTO keptCrls SELECT issuer, 'full', number, thisUpdate, nextUpdate, der FROM crls;
DROP TABLE crls;
`;
