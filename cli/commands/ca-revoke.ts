/** `gatehouse ca revoke-certificates`: all that a CA issued to devices, where that CA is not to be relied on any more. */
import type { Command } from 'commander';
import type { IssuerView } from '../../core/api/issuers.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import {
  addAtMost,
  addDryRun,
  type BulkFlags,
  bulkRequest,
  DRY_RUN_LINES,
  sendChange,
  tellResult,
} from '../bulk-change.ts';
import { operatorCommand } from '../operator-command.ts';
import { addReason, type ReasonFlag } from '../reason-option.ts';
import { issuerNamed } from './ca-names.ts';

export function revokeCertificatesCommand(ca: Command, io: CommandIo): void {
  const revoke = ca
    .command('revoke-certificates')
    .description(
      `Revokes every certificate that a CA issued to a device and that stands, all or none: sessions that use them are cut. The devices are not revoked, and enroll anew; run gatehouse ca rotate first, or they would by the same CA. ${DRY_RUN_LINES}`,
    )
    .argument('<ca>', 'fingerprint, the beginning of one, or subject');
  addReason(revoke);
  addAtMost(addDryRun(revoke), 'certificates');
  addExamples(revoke, [
    'gatehouse ca revoke-certificates 5feceb66 --dry-run',
    'gatehouse ca revoke-certificates 5feceb66 --reason cACompromise --at-most 1200',
  ]);
  operatorCommand<[name: string], BulkFlags & ReasonFlag>(revoke, io, async (session, flags, name) => {
    const { items } = await session.api.get<{ items: readonly IssuerView[] }>('/issuers');
    const { fingerprint } = issuerNamed(items, name, (text) => revoke.error(text));
    const path = `/issuers/${fingerprint}/revoke-certificates`;
    const result = await sendChange(session, io, {
      path,
      body: { json: bulkRequest(flags) },
      done: 'revoked',
    });
    tellResult(session, result, 'certificates', 'revoked');
  });
}
