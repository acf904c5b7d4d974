/**
 * Revocation by certificate, group and issuer, and its one way back: an operator reinstates a device, which then enrolls
 * anew. Its certificates stay revoked, and a key that was compromised is never certified again.
 */
export const revocation = `
DROP TRIGGER deviceRevocationIsFinal;
CREATE TRIGGER deviceRevocationEndsByReinstatement BEFORE UPDATE OF status ON devices
WHEN OLD.status = 'revoked' AND NEW.status NOT IN ('revoked', 'active')
BEGIN SELECT RAISE(ABORT, 'a revoked device stays revoked until it is reinstated'); END;

-- Outlives the certificates that told of it.
CREATE TABLE compromisedKeys (keyFingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO compromisedKeys
  SELECT keyFingerprint FROM certificates WHERE status = 'revoked' AND reason = 'keyCompromise';
CREATE TRIGGER compromisedKeyIsRemembered AFTER UPDATE OF status ON certificates
WHEN NEW.status = 'revoked' AND NEW.reason = 'keyCompromise'
BEGIN INSERT OR IGNORE INTO compromisedKeys VALUES (NEW.keyFingerprint); END;

-- What stands of an issuer, in the order in which it was issued: a new one is added at the end.
CREATE INDEX standingCertificates ON certificates (issuer)
  WHERE device IS NOT NULL AND status IN ('active', 'suspended');
`;
