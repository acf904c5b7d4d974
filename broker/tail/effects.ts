/** What each event of the journal means for the sessions of this broker. */
import type { ErrorCode } from '../../core/errors.ts';
import type { DeviceId, Fingerprint, SerialNumber } from '../../core/ids.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { Rebinding } from '../authorization/rebinding.ts';
import type { CutOff } from '../sessions/cut-off.ts';
import type { LiveTable } from '../sessions/live-table.ts';
import type { JournalTailOptions } from './journal-tail.ts';

export interface EffectsOptions {
  readonly live: LiveTable;
  readonly cutOff: CutOff;
  readonly rebinding: Rebinding;
  /** The CA certificates in use have changed. */
  readonly reloadTrust: () => Promise<void>;
}

/** Either may be applied to a row twice. */
export function createEffects({
  live,
  cutOff,
  rebinding,
  reloadTrust,
}: EffectsOptions): Pick<JournalTailOptions, 'cut' | 'apply'> {
  const cutDevices = (devices: readonly DeviceId[], rule: ErrorCode, since: number) =>
    cutOff.cutAll(
      devices.flatMap((device) => live.of(device)),
      rule,
      since,
    );
  const cutCertificates = (certificates: readonly Named[], rule: ErrorCode, since: number) =>
    cutOff.cutAll(
      certificates.flatMap(({ device, serialNumber }) =>
        device === null ? [] : live.of(device).filter(({ peer }) => peer.serialNumber === serialNumber),
      ),
      rule,
      since,
    );
  const cutSuperseded = (device: DeviceId, serialNumbers: readonly SerialNumber[], since: number) =>
    cutCertificates(
      serialNumbers.map((serialNumber) => ({ serialNumber, device })),
      'certificate_superseded',
      since,
    );
  const cutIssuer = (issuer: Fingerprint, since: number) =>
    cutOff.cutAll(
      live.all().filter(({ standing }) => standing?.issuer === issuer),
      'issuer_retired',
      since,
    );

  return {
    async cut({ event, time }: JournalRow): Promise<void> {
      switch (event.action) {
        case 'device.revoked':
          return cutDevices([event.subject], 'device_revoked', time);
        case 'devices.revoked':
          return cutDevices(idsOf(event.data), 'device_revoked', time);
        // Who is suspended may come back: its sessions and what waits in them are kept, and reach nobody until then.
        case 'device.suspended':
          return cutDevices([event.subject], 'device_suspended', time);
        case 'devices.suspended':
          return cutDevices(idsOf(event.data), 'device_suspended', time);
        // The device may come back with another certificate, and its sessions are kept for it.
        case 'certificates.revoked':
          return cutCertificates(event.data.certificates, 'certificate_revoked', time);
        case 'issuer.retired':
          live.noteChange();
          return cutIssuer(event.subject, time);
        case 'device.enrolled':
          return cutSuperseded(event.subject, event.data.superseded, time);
        // The device has taken its session ids over with the new certificate: what is left are connections it forgot.
        case 'certificate.superseded':
          return cutSuperseded(event.subject, event.data.serialNumbers, time);
        default: // ends nobody's right to be here
      }
    },

    async apply({ event, time }: JournalRow): Promise<void> {
      switch (event.action) {
        case 'device.revoked':
        case 'devices.revoked':
          return cutOff.discard(devicesRevokedBy({ event }));
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
        case 'issuer.retired':
          return reloadTrust();
        default: // concerns nobody who is connected
      }
    },
  };
}

/** For good, one or many. */
export function devicesRevokedBy({ event }: Pick<JournalRow, 'event'>): readonly DeviceId[] {
  if (event.action === 'device.revoked') return [event.subject];
  return event.action === 'devices.revoked' ? idsOf(event.data) : [];
}

interface Named {
  readonly serialNumber: SerialNumber;
  readonly device: DeviceId | null;
}

function idsOf({ devices }: { readonly devices: readonly { readonly id: DeviceId }[] }): readonly DeviceId[] {
  return devices.map(({ id }) => id);
}
