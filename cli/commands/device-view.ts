/** A device as people are shown it. */
import type { DeviceDetail, PresenceView } from '../../core/api/devices.ts';
import { describeDeparture } from '../../core/observations/departure.ts';
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
    presence,
  } = device;
  const fields = renderFields({
    ID: id,
    status,
    group,
    attributes: renderAttributes(attributes),
    created: toTheSecond(createdAt),
    enrolled: enrolledAt && toTheSecond(enrolledAt),
    changed: toTheSecond(changedAt),
    seen: renderPresence(presence),
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

export function renderPresence(presence: PresenceView | null): string {
  if (presence === null) return 'never';
  const { status, since, reason, address, clientId, tlsVersion } = presence;
  const by = `as ${clientId} from ${address}${tlsVersion === null ? '' : `, ${tlsVersion}`}`;
  const at = toTheSecond(since);
  if (status === 'online') return `online since ${at}, ${by}`;
  if (status === 'unknown') return `online at ${at}, ${by}; the broker has not reported since`;
  return `offline since ${at}: ${describeDeparture(reason ?? '')}; ${by}`;
}

/** Null where there are none. */
export function renderAttributes(attributes: DeviceDetail['attributes']): string | null {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? null : pairs.join(' ');
}
