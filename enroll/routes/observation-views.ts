/** What was observed of devices, as operators are shown it. */
import type { PresenceView } from '../../core/api/devices.ts';
import type { RefusalView } from '../../core/api/explanation.ts';
import { errorCatalog } from '../../core/errors.ts';
import type { DeviceId } from '../../core/ids.ts';
import type { CountedRefusal } from '../../core/observations/refusal.ts';
import { lastSighting } from '../../registry/last-sighting.ts';
import type { BrokerRun, Sighting } from '../../registry/observations.ts';

/** @param current the newest run of the broker @param now ms since the epoch */
export function presenceView(
  sighting: Sighting | undefined,
  current: BrokerRun | undefined,
  now: number,
): PresenceView | null {
  if (sighting === undefined) return null;
  const { connectedAt, sessions, clientId, address, tlsVersion, serialNumber } = sighting.record;
  const { status, since, reason } = lastSighting(sighting, current, now);
  return {
    status,
    since: iso(since),
    reason,
    lastSeenAt: iso(status === 'online' ? (sighting.run?.lastAt ?? since) : since),
    connectedAt: iso(connectedAt),
    sessions: status === 'online' ? sessions : 0,
    clientId,
    address,
    tlsVersion,
    serialNumber,
  };
}

export function refusalView(refusal: CountedRefusal, device: DeviceId): RefusalView {
  const { action, rule, topic, count, detail, serialNumber, clientId, address } = refusal;
  const [firstAt, lastAt] = [iso(refusal.firstAt), iso(refusal.lastAt)];
  const remedy = remedyFor(errorCatalog[rule].remedy, device);
  return { action, rule, topic, count, firstAt, lastAt, detail, remedy, serialNumber, clientId, address };
}

/** Commands in it name the device. An ID is nothing to a shell; a topic may be anything, so it is left to be typed. */
export function remedyFor(remedy: string, device: DeviceId): string {
  return remedy.replaceAll(
    /(gatehouse (?:[a-z]+ )+(?:--device )?)ID\b/g,
    (_whole, command: string) => command + device,
  );
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
