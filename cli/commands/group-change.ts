/** `gatehouse group revoke|suspend|resume`: all devices of a group together. */
import type { Command } from 'commander';
import type { BulkChangeRequest } from '../../core/api/bulk.ts';
import { type EntityName, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
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

const kinds = {
  revoke: { does: 'Ends all devices of a group for good, as device revoke does.', done: 'revoked' },
  suspend: {
    does: 'Bars all devices of a group until they are resumed, as device suspend does.',
    done: 'suspended',
  },
  resume: {
    does: 'Lets all suspended devices of a group back, whoever suspended them, and whether one by one or together.',
    done: 'resumed',
  },
} as const;

export function groupChangeCommands(group: Command, io: CommandIo): void {
  for (const kind of ['suspend', 'resume', 'revoke'] as const) {
    const { does, done } = kinds[kind];
    const command = describeChange(group.command(kind), `${does} All or none.`).argument(
      '<name>',
      'the group',
      parsedBy(parseEntityName),
    );
    if (kind === 'revoke') addReason(command);
    addAtMost(addDryRun(command), 'devices');
    addExamples(command, [
      `gatehouse group ${kind} presses --dry-run`,
      `gatehouse group ${kind} presses --at-most 500`,
    ]);
    operatorCommand<[name: EntityName], ChangeFlags & ReasonFlag>(
      command,
      io,
      async (session, { reason, atMost, dryRun }, name) => {
        const json: BulkChangeRequest = {
          ...(reason !== undefined && { reason }),
          ...(atMost !== undefined && { atMost }),
          dryRun: dryRun === true,
        };
        const path = `/groups/${encodeURIComponent(name)}/${kind}`;
        tellReport(session, await orderChange(session, io, { path, body: { json }, done }), 'devices', done);
      },
    );
  }
}
