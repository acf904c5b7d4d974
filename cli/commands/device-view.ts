/** A device as people are shown it. */
import type { DeviceDetail } from '../../core/api.ts';
import { renderFields, renderTable, toTheSecond } from '../table.ts';

export function renderDevice(device: DeviceDetail): string {
  const {
    id,
    status,
    group,
    attributes,
    createdAt,
    changedAt,
    enrolledAt,
    certificates,
    factory,
    releasedAt,
  } = device;
  const fields = renderFields({
    ID: id,
    status,
    group,
    attributes: renderAttributes(attributes),
    created: toTheSecond(createdAt),
    enrolled: enrolledAt && toTheSecond(enrolledAt),
    changed: toTheSecond(changedAt),
    ...(factory && { factory: `${factory.manufacturer} ${factory.certificate}` }),
    ...(releasedAt && { released: toTheSecond(releasedAt) }),
  });
  if (certificates.length === 0) return fields;
  const table = renderTable(
    ['CERTIFICATE', 'STATUS', 'NOT BEFORE', 'NOT AFTER', 'REVOKED', 'REASON'],
    certificates.map(({ serialNumber, status, notBefore, notAfter, revokedAt, reason }) => [
      serialNumber,
      status,
      toTheSecond(notBefore),
      toTheSecond(notAfter),
      revokedAt && toTheSecond(revokedAt),
      reason,
    ]),
  );
  return `${fields}\n\n${table}`;
}

/** Null where there are none. */
export function renderAttributes(attributes: DeviceDetail['attributes']): string | null {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? null : pairs.join(' ');
}
