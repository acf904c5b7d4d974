/** `gatehouse ca revoke-certificates`: all that a CA issued to devices, where that CA is not to be relied on any more. */
import type { Command } from 'commander';
import type { BulkChangeRequest } from '../../core/api/bulk.ts';
import type { IssuerView } from '../../core/api/issuers.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import {
  addAtMost,
  addDryRun,
  type ChangeFlags,
  describeChange,
  orderChange,
  tellReport,
} from '../change.ts';
import { operatorCommand } from '../operator-command.ts';
import { addReason, type ReasonFlag } from '../reason-option.ts';
import { issuerNamed } from './ca-names.ts';

export function revokeCertificatesCommand(ca: Command, io: CommandIo): void {
  const revoke = describeChange(
    ca.command('revoke-certificates'),
    'Revokes every certificate that a CA issued to a device and that stands, all or none: sessions that use them are cut. The devices are not revoked, and enroll anew; run gatehouse ca rotate first, or they would by the same CA.',
  ).argument('<ca>', 'fingerprint, the beginning of one, or subject');
  addReason(revoke);
  addAtMost(addDryRun(revoke), 'certificates');
  addExamples(revoke, [
    'gatehouse ca revoke-certificates 5feceb66 --dry-run',
    'gatehouse ca revoke-certificates 5feceb66 --reason cACompromise --at-most 1200',
  ]);
  operatorCommand<[name: string], ChangeFlags & ReasonFlag>(
    revoke,
    io,
    async (session, { reason, atMost, dryRun }, name) => {
      const { items } = await session.api.get<{ items: readonly IssuerView[] }>('/issuers');
      const { fingerprint } = issuerNamed(items, name, (text) => revoke.error(text));
      const json: BulkChangeRequest = {
        ...(reason !== undefined && { reason }),
        ...(atMost !== undefined && { atMost }),
        dryRun: dryRun === true,
      };
      const path = `/issuers/${fingerprint}/revoke-certificates`;
      const result = await orderChange(session, io, { path, body: { json }, done: 'revoked' });
      tellReport(session, result, 'certificates', 'revoked');
    },
  );
}
