/** `gatehouse group revoke|suspend|resume`: all devices of a group together. */
import type { Command } from 'commander';
import { type EntityName, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
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
    const command = group
      .command(kind)
      .description(`${does} All or none. ${DRY_RUN_LINES}`)
      .argument('<name>', 'the group', parsedBy(parseEntityName));
    if (kind === 'revoke') addReason(command);
    addAtMost(addDryRun(command), 'devices');
    addExamples(command, [
      `gatehouse group ${kind} presses --dry-run`,
      `gatehouse group ${kind} presses --at-most 500`,
    ]);
    operatorCommand<[name: EntityName], BulkFlags & ReasonFlag>(command, io, async (session, flags, name) => {
      const path = `/groups/${encodeURIComponent(name)}/${kind}`;
      const body = { json: bulkRequest(flags) };
      tellResult(session, await sendChange(session, io, { path, body, done }), 'devices', done);
    });
  }
}
