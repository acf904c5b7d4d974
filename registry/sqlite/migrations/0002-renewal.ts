/**
 * Renewal: which certificate another one renews, when that was first used at the broker, and how long past its
 * expiry the devices of a group may still renew (ms).
 */
export const renewal = `
ALTER TABLE certificates ADD COLUMN renews TEXT REFERENCES certificates (serialNumber);
ALTER TABLE certificates ADD COLUMN firstUsedAt INTEGER;
ALTER TABLE groups ADD COLUMN renewalGrace INTEGER NOT NULL DEFAULT 0 CHECK (renewalGrace >= 0);

-- Nearly empty at any time, however many certificates a device has had.
CREATE INDEX unusedRenewals ON certificates (device, issuedAt)
  WHERE status = 'active' AND renews IS NOT NULL AND firstUsedAt IS NULL;
`;
