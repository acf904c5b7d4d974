/** What each event of the journal means for the sessions of this broker. */
import type { DeviceId, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { Rebinding } from '../authorization/rebinding.ts';
import type { CutOff } from '../sessions/cut-off.ts';
import type { LiveTable } from '../sessions/live-table.ts';

export interface EffectsOptions {
  readonly live: LiveTable;
  readonly cutOff: CutOff;
  readonly rebinding: Rebinding;
  /** The CA certificates in use have changed. */
  readonly reloadTrust: () => Promise<void>;
}

/** The returned function may be applied to a row twice. */
export function createEffects({ live, cutOff, rebinding, reloadTrust }: EffectsOptions) {
  const cutSuperseded = async (device: DeviceId, serialNumbers: readonly SerialNumber[], since: number) => {
    const outdated = live.of(device).filter(({ peer }) => serialNumbers.includes(peer.serialNumber));
    await Promise.all(outdated.map((one) => cutOff.cut(one, 'certificate_superseded', since)));
  };
  const cutIssuer = async (issuer: Fingerprint, since: number) => {
    const outdated = live.all().filter(({ standing }) => standing?.issuer === issuer);
    await Promise.all(outdated.map((one) => cutOff.cut(one, 'issuer_retired', since)));
  };
  return async ({ event, time }: JournalRow): Promise<void> => {
    switch (event.action) {
      case 'device.revoked':
        return cutOff.revoke(event.subject, time);
      case 'device.suspended':
        // It may come back: its sessions and what waits in them are kept, and reach nobody until then.
        return cutOff.cutDevice(event.subject, 'device_suspended', time);
      case 'device.enrolled':
        return cutSuperseded(event.subject, event.data.superseded, time);
      case 'certificate.superseded':
        // The device has taken its session ids over with the new certificate: what is left are connections it forgot.
        return cutSuperseded(event.subject, event.data.serialNumbers, time);
      case 'device.changed':
        live.noteChange();
        return rebinding.device(event.subject, time);
      case 'devices.changed':
        live.noteChange();
        for (const { id } of event.data.devices) {
          if (live.of(id).length > 0) await rebinding.device(id, time);
        }
        return;
      case 'group.applied':
        live.noteChange();
        return rebinding.group(event.subject, time);
      case 'policy.applied':
        live.noteChange();
        return rebinding.policy(event.subject, time);
      case 'issuer.added':
        return reloadTrust();
      case 'issuer.retired':
        // Its devices may come back with a certificate of another issuer: their sessions are kept, as with suspension.
        live.noteChange();
        await cutIssuer(event.subject, time);
        return reloadTrust();
      default: // concerns nobody who is connected
    }
  };
}
