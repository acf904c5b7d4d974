/** `gatehouse certificate revoke`: certificates by their serial numbers, given or in a list. */
import type { Command } from 'commander';
import { parseSerialNumber, type SerialNumber } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { eachParsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import {
  addAtMost,
  addDryRun,
  type ChangeFlags,
  describeChange,
  linesOf,
  orderChange,
  refusalOfNames,
  tellReport,
} from '../change.ts';
import { AlignedLines } from '../import/aligned-lines.ts';
import { decodeText, readInputFile } from '../import/input-file.ts';
import type { Lines } from '../operator-client.ts';
import { operatorCommand } from '../operator-command.ts';
import { addReason, type ReasonFlag } from '../reason-option.ts';

interface RevokeFlags extends ChangeFlags, ReasonFlag {
  readonly file?: string;
}

export function revokeCommand(certificate: Command, io: CommandIo): void {
  const revoke = describeChange(
    certificate.command('revoke'),
    'Revokes certificates, all or none: sessions that use them are cut. Their devices are not revoked, and may use another certificate or enroll anew.',
  )
    .argument('[serial...]', 'serial numbers in hex', eachParsedBy(parseSerialNumber))
    .option('--file <list>', 'a serial number a line, # for comments; - for standard input');
  addReason(revoke);
  addAtMost(addDryRun(revoke), 'certificates of the list');
  addExamples(revoke, [
    'gatehouse certificate revoke 3A7F…09 --reason keyCompromise',
    'gatehouse certificate revoke --file serials.txt --dry-run',
    'gatehouse certificate revoke --file serials.txt --at-most 120',
  ]);
  operatorCommand<[serials: readonly SerialNumber[] | undefined], RevokeFlags>(
    revoke,
    io,
    async (session, { file, reason, atMost, dryRun }, serials = []) => {
      if (file !== undefined && serials.length > 0) revoke.error('give serial numbers or --file, not both');
      if (file === undefined && serials.length === 0) revoke.error('give serial numbers, or --file');
      // To name them is to say how many they are.
      const most = file === undefined ? serials.length : (atMost ?? 0);
      const names = [...new Set(serials)];
      const order = {
        path: '/certificates/revoke',
        body: file === undefined ? linesOf('serialNumber', names) : await readList(file),
        query: { reason, atMost: most, dryRun: String(dryRun === true) },
        done: 'revoked',
      };
      const report = await orderChange(session, io, order).catch((error: unknown) => {
        throw file === undefined ? refusalOfNames(error, names) : error;
      });
      tellReport(session, report, 'certificates', 'revoked');
    },
  );
}

/** @throws GatehouseError `file_unreadable`, `list_too_large` */
async function readList(file: string): Promise<Lines> {
  const lines = new AlignedLines();
  for (const [index, line] of decodeText(file, await readInputFile(file))
    .split('\n')
    .entries()) {
    const serialNumber = line.replace(/#.*$/s, '').trim();
    if (serialNumber !== '') lines.add(index + 1, { serialNumber });
  }
  const bytes = Buffer.from(lines.text);
  return { chunks: [bytes], length: bytes.length };
}
