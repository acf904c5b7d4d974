/**
 * A change that concerns many, ready to be foretold or made: whichever its target is, whoever asked for it is answered
 * in the same way.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChangeAnswer, ChangeCounts } from '../../../core/api/bulk.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { FinalReason } from '../../../core/pki/revocation-reason.ts';
import type { EnrollContext } from '../../context.ts';
import type { BulkTerms } from './bulk-terms.ts';
import { changeDevices, type DeviceTarget, planDevices } from './change-devices.ts';
import { changing, type DeviceAction, type PlannedDevice } from './device-action.ts';
import {
  type CertificateTarget,
  type PlannedCertificate,
  planCertificates,
  revokeCertificates,
} from './revoke-certificates.ts';

type Context = Pick<EnrollContext, 'registry' | 'clock'>;
type Counts = Pick<ChangeCounts, 'devices' | 'certificates'>;
/** Whom it concerns, some of them. */
export type ChangeLine = Extract<ChangeAnswer, { devices: unknown } | { certificates: unknown }>;

interface ChangeTerms extends Pick<BulkTerms, 'atMost' | 'onWritten'> {
  /** Told who is about to change; nobody has before the transaction ends. */
  readonly onLine: (line: ChangeLine) => void;
}

export interface BulkChange {
  /** What it would change, page by page; nothing is written. */
  readonly foretell: () => AsyncGenerator<{ readonly line: ChangeLine; readonly counts: Counts }>;
  /** In one transaction, all or nothing. */
  readonly make: (actor: Actor, terms: ChangeTerms) => Promise<Counts>;
}

export function deviceBulk(context: Context, target: DeviceTarget, change: DeviceAction): BulkChange {
  const { registry, clock } = context;
  return {
    async *foretell() {
      for await (const page of planDevices(registry, target, change, clock.now())) {
        const certificates = page.reduce((sum, device) => sum + changing(device).length, 0);
        const counts = { devices: page.length, certificates };
        if (page.length > 0) yield { line: lineOfDevices(page, change), counts };
        await nextTurn();
      }
    },
    make: (actor, { onLine, ...terms }) =>
      changeDevices(context, actor, target, change, {
        ...terms,
        onPage: (page) => onLine(lineOfDevices(page, change)),
      }),
  };
}

export function certificateBulk(
  context: Context,
  target: CertificateTarget,
  reason: FinalReason,
): BulkChange {
  return {
    async *foretell() {
      for await (const page of planCertificates(context, target, reason)) {
        yield { line: lineOfCertificates(page, reason), counts: { devices: 0, certificates: page.length } };
        await nextTurn();
      }
    },
    make: async (actor, { onLine, ...terms }) => ({
      devices: 0,
      certificates: await revokeCertificates(context, actor, target, reason, {
        ...terms,
        onPage: (page) => onLine(lineOfCertificates(page, reason)),
      }),
    }),
  };
}

function lineOfDevices(page: readonly PlannedDevice[], change: DeviceAction): ChangeLine {
  return {
    devices: page.map((device) => ({
      id: device.id,
      status: device.status,
      certificates: changing(device),
      ...(change.kind === 'revoke' &&
        device.raised.length > 0 && { raised: raisedOf(device, change.reason) }),
    })),
  };
}

function raisedOf({ raised }: PlannedDevice, to: FinalReason) {
  return raised.map(({ serialNumber, reason }) => ({ serialNumber, from: reason ?? 'unspecified', to }));
}

function lineOfCertificates(page: readonly PlannedCertificate[], to: FinalReason): ChangeLine {
  return {
    certificates: page.map(({ serialNumber, device, raisedFrom: from }) => ({
      serialNumber,
      device,
      ...(from !== null && { raised: { from, to } }),
    })),
  };
}
