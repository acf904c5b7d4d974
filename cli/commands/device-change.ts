/** `gatehouse device revoke|suspend|resume|reinstate|release`: what an operator does to devices, one or several. */
import type { Command } from 'commander';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { eachParsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import {
  addDryRun,
  type ChangeFlags,
  describeChange,
  linesOf,
  orderChange,
  refusalOfNames,
  tellReport,
} from '../change.ts';
import { operatorCommand } from '../operator-command.ts';
import { addReason, type ReasonFlag } from '../reason-option.ts';

interface Kind {
  readonly does: string;
  /** `revoked`, of many. */
  readonly done: string;
  /** Behind the ID, of one that changed, and of one that was so before. */
  readonly outcome: string;
  readonly unchanged: string;
  readonly examples: readonly string[];
}

const kinds = {
  suspend: {
    does: 'Bars devices until they are resumed; sessions are cut.',
    done: 'suspended',
    outcome: 'is suspended',
    unchanged: 'is suspended already',
    examples: ['gatehouse device suspend press-7'],
  },
  resume: {
    does: 'Lets suspended devices back.',
    done: 'resumed',
    outcome: 'is active',
    unchanged: 'is active already',
    examples: ['gatehouse device resume press-7'],
  },
  revoke: {
    does: 'Ends devices for good: sessions are cut, certificates revoked, and the IDs stay barred until they are reinstated.',
    done: 'revoked',
    outcome: 'is revoked',
    unchanged: 'is revoked already',
    examples: [
      'gatehouse device revoke press-7 --reason keyCompromise',
      'gatehouse device revoke press-7 press-8 press-9 --dry-run',
    ],
  },
  reinstate: {
    does: 'Lets revoked devices enroll anew, with a token for exactly that device, or by the factory certificate that they enrolled with before. What they had stays revoked. For admins.',
    done: 'reinstated',
    outcome: 'may enroll anew',
    unchanged: 'is not revoked',
    examples: [
      'gatehouse device reinstate press-7',
      'gatehouse token create --device press-7           then, with what it prints',
    ],
  },
  release: {
    does: 'Lets devices enroll by their factory certificates once more, for a new owner or where a key was lost; what they have stands until then.',
    done: 'released',
    outcome: 'may enroll by its factory certificate once more',
    unchanged: 'may enroll by its factory certificate once more already',
    examples: ['gatehouse device release press-7'],
  },
} as const satisfies Record<string, Kind>;

/** All devices of a command are one transaction, and so is a single one. */
export function deviceChangeCommands(device: Command, io: CommandIo): void {
  for (const [name, { does, done, outcome, unchanged, examples }] of Object.entries(kinds)) {
    const command = describeChange(
      device.command(name),
      `${does} Several are changed together, or none.`,
    ).argument('<id...>', 'device IDs', eachParsedBy(parseDeviceId));
    if (name === 'revoke') addReason(command);
    addExamples(addDryRun(command), examples);
    operatorCommand<[ids: readonly DeviceId[]], ChangeFlags & ReasonFlag>(
      command,
      io,
      async (session, { reason, dryRun }, given) => {
        const ids = [...new Set(given)];
        const report = await orderChange(session, io, {
          path: `/devices/${name}`,
          body: linesOf('id', ids),
          query: { reason, dryRun: String(dryRun === true) },
          done,
        }).catch((error: unknown) => {
          throw refusalOfNames(error, ids);
        });
        if (report.dryRun) return tellReport(session, report, 'devices', done);
        const changed = new Set(report.devices.map(({ id }) => id));
        session.output.result(report, () =>
          ids.map((id) => `${id} ${changed.has(id) ? outcome : unchanged}`).join('\n'),
        );
      },
    );
  }
}
