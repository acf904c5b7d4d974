/** What tests of certificates do to them, each in a transaction of its own. */
import type { CertificateRecord } from '../../../registry/records.ts';
import { change } from '../samples.ts';
import type { World } from './world.ts';

type StatusArguments = [
  status: CertificateRecord['status'],
  at: number,
  reason?: NonNullable<CertificateRecord['reason']>,
];

export const certificateChanges = (world: World) => ({
  insert: (...records: CertificateRecord[]) =>
    change(world.registry, async (transaction) => {
      for (const record of records) await transaction.insertCertificate(record);
    }),
  setStatus: (record: CertificateRecord, ...how: StatusArguments) =>
    change(world.registry, (transaction) => transaction.setCertificateStatus([record.serialNumber], ...how)),
});
