/** `gatehouse device set|revoke|suspend|resume`: what an operator does to devices. */
import { type Command, Option } from 'commander';
import type { DeviceChange, DeviceDetail, RevokeRequest } from '../../core/api.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import { revocationReasons } from '../../core/pki/revocation-reason.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { ReportedError } from '../../runtime/command-line/last-words.ts';
import { eachParsedBy, parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { parseAttributes } from '../option-parsers.ts';
import { renderDevice } from './device-view.ts';

/** Not one list: what is done is told at once, and a refusal further on does not take it back. */
const A_LINE_EACH = 'With --json, one JSON object a line for each device.';

type Attributes = Readonly<Record<string, string>>;

export function setCommand(device: Command, io: CommandIo): void {
  const set = device
    .command('set')
    .description('Moves a device to another group, or sets attributes that policies use as {attr.NAME}.')
    .argument('<id>', 'device ID', parsedBy(parseDeviceId))
    .option('--group <group>', 'the group it is in from now on', parsedBy(parseEntityName))
    .option(
      '--attr <name=value>',
      'sets an attribute, may be repeated; with no value takes it away',
      parseAttributes,
    );
  addExamples(set, [
    'gatehouse device set press-7 --group presses',
    'gatehouse device set press-7 --attr site=north --attr line=3 --attr old=',
  ]);
  operatorCommand<[id: DeviceId], { group?: EntityName; attr?: Attributes }>(
    set,
    io,
    async ({ api, output }, { group, attr }, id) => {
      if (group === undefined && attr === undefined) set.error('give --group, or --attr, or both');
      const path = `/devices/${encodeURIComponent(id)}`;
      const change: DeviceChange = {
        ...(group !== undefined && { group }),
        ...(attr !== undefined && {
          attributes: changed((await api.get<DeviceDetail>(path)).attributes, attr),
        }),
      };
      const detail = await api.patch<DeviceDetail>(path, change);
      output.result(detail, () => renderDevice(detail));
    },
  );
}

/** The API replaces all attributes; the command changes those it names. */
function changed(attributes: Attributes, change: Attributes): Attributes {
  const all = Object.entries({ ...attributes, ...change });
  return Object.fromEntries(all.filter(([, value]) => value !== ''));
}

export function revokeCommand(device: Command, io: CommandIo): void {
  const { certificateHold: _isWhatSuspendDoes, ...reasons } = revocationReasons;
  const revoke = device
    .command('revoke')
    .description(
      `Ends devices for good: sessions are cut, certificates revoked, the IDs never come back. ${A_LINE_EACH}`,
    )
    .addOption(
      new Option('--reason <reason>', 'goes into the CRL (default: unspecified)').choices(
        Object.keys(reasons),
      ),
    );
  addExamples(revoke, [
    'gatehouse device revoke press-7 --reason keyCompromise',
    'gatehouse device revoke press-7 press-8 press-9',
  ]);
  changesStatus<RevokeRequest>(revoke, io, 'revoke', ({ reason }) =>
    reason === undefined ? {} : { reason },
  );
}

export function suspendCommand(device: Command, io: CommandIo): void {
  const suspend = device
    .command('suspend')
    .description(`Bars devices until they are resumed; sessions are cut. ${A_LINE_EACH}`);
  addExamples(suspend, ['gatehouse device suspend press-7']);
  changesStatus(suspend, io, 'suspend', () => ({}));
}

export function resumeCommand(device: Command, io: CommandIo): void {
  const resume = device.command('resume').description(`Lets suspended devices back. ${A_LINE_EACH}`);
  addExamples(resume, ['gatehouse device resume press-7']);
  changesStatus(resume, io, 'resume', () => ({}));
}

export function releaseCommand(device: Command, io: CommandIo): void {
  const release = device
    .command('release')
    .description(
      `Lets devices enroll by their factory certificates once more, for a new owner or where a key was lost; what they have stands until then. ${A_LINE_EACH}`,
    );
  addExamples(release, ['gatehouse device release press-7']);
  changesStatus(release, io, 'release', () => ({}), 'may enroll by its factory certificate once more');
}

/** One line for each device. A device that is refused does not keep the others from being done. */
function changesStatus<Flags extends object>(
  command: Command,
  io: CommandIo,
  call: 'revoke' | 'suspend' | 'resume' | 'release',
  bodyOf: (flags: Flags) => object,
  /** What is told of the device; its status where absent. */
  outcome?: string,
): void {
  command.argument('<id...>', 'device IDs', eachParsedBy(parseDeviceId));
  operatorCommand<[ids: readonly DeviceId[]], Flags>(command, io, async ({ api, output }, flags, ids) => {
    const refusals: ReportedError[] = [];
    for (const id of ids) {
      try {
        const path = `/devices/${encodeURIComponent(id)}/${call}`;
        const detail = await api.post<DeviceDetail>(path, bodyOf(flags));
        output.result(detail, () => `${detail.id} ${outcome ?? `is ${detail.status}`}`);
      } catch (error) {
        if (!(error instanceof ReportedError)) throw error;
        refusals.push(error);
      }
    }
    if (refusals.length > 0) throw new AggregateError(refusals);
  });
}
