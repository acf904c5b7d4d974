/** `gatehouse device revoke|suspend|resume|release|reinstate`: whether devices are let in. */
import type { Command } from 'commander';
import type { DeviceDetail } from '../../core/api.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { ReportedError } from '../../runtime/command-line/last-words.ts';
import { eachParsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { addDryRun, type BulkFlags, linesOf, sendChange, tellResult } from '../bulk-change.ts';
import { operatorCommand } from '../operator-command.ts';
import { addReason, type ReasonFlag } from '../reason-option.ts';

const ALL_OR_NONE =
  'Several are changed together, or none. With --json, one JSON object a line for each device.';
/** Not one list: what is done is told at once, and a refusal further on does not take it back. */
const A_LINE_EACH = 'With --json, one JSON object a line for each device.';

export function revokeCommand(device: Command, io: CommandIo): void {
  const revoke = device
    .command('revoke')
    .description(
      `Ends devices for good: sessions are cut, certificates revoked, and the IDs stay barred until they are reinstated. ${ALL_OR_NONE}`,
    );
  addReason(revoke);
  addExamples(revoke, [
    'gatehouse device revoke press-7 --reason keyCompromise',
    'gatehouse device revoke press-7 press-8 press-9 --dry-run',
  ]);
  changesStatus<ReasonFlag>(revoke, io, 'revoke', ({ reason }) => (reason === undefined ? {} : { reason }));
}

export function suspendCommand(device: Command, io: CommandIo): void {
  const suspend = device
    .command('suspend')
    .description(`Bars devices until they are resumed; sessions are cut. ${ALL_OR_NONE}`);
  addExamples(suspend, ['gatehouse device suspend press-7']);
  changesStatus(suspend, io, 'suspend', () => ({}));
}

export function resumeCommand(device: Command, io: CommandIo): void {
  const resume = device.command('resume').description(`Lets suspended devices back. ${ALL_OR_NONE}`);
  addExamples(resume, ['gatehouse device resume press-7']);
  changesStatus(resume, io, 'resume', () => ({}));
}

const outcomes = { revoke: 'revoked', suspend: 'suspended', resume: 'active' } as const;

/** One line for each device. One device is a call of its own; several are one transaction. */
function changesStatus<Flags extends object>(
  command: Command,
  io: CommandIo,
  kind: keyof typeof outcomes,
  bodyOf: (flags: Flags) => Readonly<Record<string, string>>,
): void {
  addDryRun(command).argument('<id...>', 'device IDs', eachParsedBy(parseDeviceId));
  operatorCommand<[ids: readonly DeviceId[]], Flags & BulkFlags>(
    command,
    io,
    async (session, flags, [first, ...others]) => {
      if (first === undefined) return;
      const { api, output } = session;
      const status = outcomes[kind];
      const terms = bodyOf(flags);
      if (others.length === 0 && flags.dryRun === undefined) {
        const detail = await api.post<DeviceDetail>(`/devices/${encodeURIComponent(first)}/${kind}`, terms);
        output.result(detail, () => `${detail.id} is ${detail.status}`);
        return;
      }
      const ids = [...new Set([first, ...others])];
      const result = await sendChange(session, io, {
        path: `/devices/${kind}`,
        body: linesOf('id', ids),
        query: { ...terms, dryRun: String(flags.dryRun === true) },
        done: status,
      });
      if (result.dryRun) return tellResult(session, result, 'devices', status);
      for (const id of ids) output.result({ id, status }, () => `${id} is ${status}`);
    },
  );
}

export function releaseCommand(device: Command, io: CommandIo): void {
  const release = device
    .command('release')
    .description(
      `Lets devices enroll by their factory certificates once more, for a new owner or where a key was lost; what they have stands until then. ${A_LINE_EACH}`,
    );
  addExamples(release, ['gatehouse device release press-7']);
  allows(release, io, 'release', 'may enroll by its factory certificate once more');
}

export function reinstateCommand(device: Command, io: CommandIo): void {
  const reinstate = device
    .command('reinstate')
    .description(
      `Lets revoked devices enroll anew, with a token for exactly that device, or by the factory certificate that they enrolled with before. What they had stays revoked. For admins. ${A_LINE_EACH}`,
    );
  addExamples(reinstate, [
    'gatehouse device reinstate press-7',
    'gatehouse token create --device press-7           then, with what it prints',
  ]);
  allows(reinstate, io, 'reinstate', 'may enroll anew');
}

/** One line for each device. A device that is refused does not keep the others from being done. */
function allows(command: Command, io: CommandIo, call: 'release' | 'reinstate', outcome: string): void {
  command.argument('<id...>', 'device IDs', eachParsedBy(parseDeviceId));
  operatorCommand<[ids: readonly DeviceId[]]>(command, io, async ({ api, output }, _flags, ids) => {
    const refusals: ReportedError[] = [];
    for (const id of ids) {
      try {
        const detail = await api.post<DeviceDetail>(`/devices/${encodeURIComponent(id)}/${call}`);
        output.result(detail, () => `${detail.id} ${outcome}`);
      } catch (error) {
        if (!(error instanceof ReportedError)) throw error;
        refusals.push(error);
      }
    }
    if (refusals.length > 0) throw new AggregateError(refusals);
  });
}
