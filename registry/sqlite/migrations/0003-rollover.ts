/**
 * CA rollover: when an issuer was retired, the certificates by which two roots vouch for one another, and how far the
 * fleet has moved from one issuer to the next.
 */
export const rollover = `
ALTER TABLE issuers ADD COLUMN retiredAt INTEGER;

-- What new certificates come from is never in doubt.
CREATE UNIQUE INDEX activeIssuer ON issuers (kind) WHERE status = 'active';

CREATE TRIGGER issuerRetirementIsFinal BEFORE UPDATE OF status ON issuers
WHEN OLD.status = 'retired' AND NEW.status <> 'retired'
BEGIN SELECT RAISE(ABORT, 'a retired issuer stays retired'); END;

CREATE TABLE crossCertificates (
  fingerprint TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('oldWithNew', 'newWithOld')),
  subject TEXT NOT NULL REFERENCES issuers,
  issuer TEXT NOT NULL REFERENCES issuers,
  serialNumber TEXT NOT NULL UNIQUE,
  notBefore INTEGER NOT NULL,
  notAfter INTEGER NOT NULL,
  der BLOB NOT NULL
) STRICT;

-- All that the fleet's progress is told by, device by device, without touching the table. The last column: it renews
-- another and was never used, so nobody knows whether its device has it.
CREATE INDEX liveCertificates
  ON certificates (device, issuer, notAfter, status, (renews IS NOT NULL AND firstUsedAt IS NULL))
  WHERE device IS NOT NULL AND status IN ('active', 'suspended');
`;
