/**
 * Which revocation of a device was its last: the broker removes what it has stored from before it, even where the device
 * was reinstated before the broker heard of either. And what of a revocation may change afterwards: its reason, to
 * keyCompromise, and nothing else.
 */
export const lastRevocation = `
-- The first journal row of the transaction that revoked the device; stays when it is reinstated. Null: it never was.
ALTER TABLE devices ADD COLUMN revokedSeq INTEGER;

-- Of earlier revocations, as far as the journal still has them. A reinstatement follows one, so it may stand for it.
UPDATE devices SET revokedSeq = told.seq
FROM (
  SELECT device, max(seq) AS seq FROM (
    SELECT event ->> '$.subject' AS device, seq FROM journal
      WHERE event ->> '$.action' IN ('device.revoked', 'device.reinstated')
    UNION ALL
    SELECT one.value ->> '$.id', journal.seq FROM journal, json_each(journal.event, '$.data.devices') AS one
      WHERE journal.event ->> '$.action' = 'devices.revoked'
  ) GROUP BY device
) AS told WHERE told.device = devices.id;
-- Where the row has gone to an archive: no later than now.
UPDATE devices SET revokedSeq = (SELECT coalesce(max(seq), 0) FROM journal)
  WHERE status = 'revoked' AND revokedSeq IS NULL;

CREATE TRIGGER revocationDateIsFinal BEFORE UPDATE OF revokedAt ON certificates
WHEN OLD.status = 'revoked' AND NEW.revokedAt IS NOT OLD.revokedAt
BEGIN SELECT RAISE(ABORT, 'a revocation keeps its date'); END;

CREATE TRIGGER compromiseIsFinal BEFORE UPDATE OF reason ON certificates
WHEN OLD.status = 'revoked' AND NEW.reason IS NOT OLD.reason AND NEW.reason IS NOT 'keyCompromise'
BEGIN SELECT RAISE(ABORT, 'the reason of a revocation changes to keyCompromise alone'); END;
`;
