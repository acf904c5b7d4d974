/** `gatehouse device set`: a device's group and attributes. */
import type { Command } from 'commander';
import type { DeviceDetail, DeviceEdit } from '../../core/api/devices.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { tellLiveSessions } from '../live-sessions.ts';
import { operatorCommand } from '../operator-command.ts';
import { parseAttributes } from '../option-parsers.ts';
import { renderDevice } from './device-view.ts';

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
      const change: DeviceEdit = {
        ...(group !== undefined && { group }),
        ...(attr !== undefined && {
          attributes: changed((await api.get<DeviceDetail>(path)).attributes, attr),
        }),
      };
      const detail = await api.patch<DeviceDetail>(path, change);
      output.result(detail, () => renderDevice(detail));
      tellLiveSessions(output, `sessions of ${detail.id} have what its group and attributes grant`);
    },
  );
}

/** The API replaces all attributes; the command changes those it names. */
function changed(attributes: Attributes, change: Attributes): Attributes {
  const all = Object.entries({ ...attributes, ...change });
  return Object.fromEntries(all.filter(([, value]) => value !== ''));
}
