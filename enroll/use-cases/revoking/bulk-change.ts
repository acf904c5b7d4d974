/**
 * A change that concerns many, ready to be foretold or made: whichever its target is, whoever asked for it is answered
 * in the same way.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChangeAnswer, ChangeResult } from '../../../core/api.ts';
import type { Actor } from '../../../core/journal/events.ts';
import type { FinalReason } from '../../../core/pki/revocation-reason.ts';
import type { EnrollContext } from '../../context.ts';
import type { BulkTerms } from './bulk.ts';
import { changeDevices, type DeviceTarget, planDevices } from './change-devices.ts';
import type { DeviceChange } from './device-changes.ts';
import { type CertificateTarget, planCertificates, revokeCertificates } from './revoke-certificates.ts';

type Context = Pick<EnrollContext, 'registry' | 'clock'>;
type Counts = Pick<ChangeResult, 'devices' | 'certificates'>;

export interface BulkChange {
  /** What it would change, page by page; nothing is written. */
  readonly foretell: () => AsyncGenerator<{ readonly line: ChangeAnswer; readonly counts: Counts }>;
  /** In one transaction, all or nothing. */
  readonly make: (actor: Actor, terms: BulkTerms) => Promise<Counts>;
}

export function deviceBulk(context: Context, target: DeviceTarget, change: DeviceChange): BulkChange {
  const { registry, clock } = context;
  return {
    async *foretell() {
      for await (const page of planDevices(registry, target, change, clock.now())) {
        const devices = page.map(({ id, serialNumbers }) => ({ id, certificates: serialNumbers }));
        const certificates = devices.reduce((sum, one) => sum + one.certificates.length, 0);
        yield { line: { devices }, counts: { devices: devices.length, certificates } };
        await nextTurn();
      }
    },
    make: (actor, terms) => changeDevices(context, actor, target, change, terms),
  };
}

export function certificateBulk(
  context: Context,
  target: CertificateTarget,
  reason: FinalReason,
): BulkChange {
  return {
    async *foretell() {
      for await (const page of planCertificates(context.registry, target, reason)) {
        const certificates = page.map(({ serialNumber, device }) => ({ serialNumber, device }));
        yield { line: { certificates }, counts: { devices: 0, certificates: certificates.length } };
        await nextTurn();
      }
    },
    make: async (actor, terms) => ({
      devices: 0,
      certificates: await revokeCertificates(context, actor, target, reason, terms),
    }),
  };
}
