/**
 * How far the fleet has moved from one issuer to another, in SQL: device by device along the index `liveCertificates`,
 * which has all that is asked for.
 */

/** Nobody knows whether its device has it. Word for word as in the index, or the index cannot answer. */
const UNUSED = '(renews IS NOT NULL AND firstUsedAt IS NULL)';

/** It stands, or would once its device is resumed, or may still be renewed in the grace of its group. */
const LIVE = `
  device IS NOT NULL AND status IN ('active', 'suspended')
  AND issuer NOT IN (SELECT fingerprint FROM issuers WHERE status = 'retired')
  AND (notAfter >= @now OR @now <= notAfter + (
    SELECT renewalGrace FROM devices JOIN groups ON groups.name = devices."group" WHERE devices.id = device))`;

/** Over the live certificates of one device. */
const HAS_MOVED = `max(NOT ${UNUSED} AND issuer =
  (SELECT fingerprint FROM issuers WHERE kind = 'issuing' AND status = 'active'))`;
const DEPENDS = `max(issuer = @issuer) AND NOT max(issuer <> @issuer AND NOT ${UNUSED})`;

const BY_DEVICE = `FROM certificates WHERE ${LIVE} AND device > @after GROUP BY device`;

export const DEPENDENTS = `SELECT device ${BY_DEVICE} HAVING ${DEPENDS} ORDER BY device LIMIT @limit`;

export const FLEET_PROGRESS = `
  SELECT count(*) AS devices, coalesce(sum(moved), 0) AS moved, coalesce(sum(depends), 0) AS dependents,
    max(device) AS last
  FROM (SELECT device, ${HAS_MOVED} AS moved, ${DEPENDS} AS depends ${BY_DEVICE} LIMIT @limit)`;
