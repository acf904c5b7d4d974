/** `gatehouse device …`: devices, and what becomes of them. */
import { type Command, Option } from 'commander';
import type { DeviceDetail, DeviceView } from '../../core/api.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';
import { releaseCommand, resumeCommand, revokeCommand, setCommand, suspendCommand } from './device-change.ts';
import { renderAttributes, renderDevice } from './device-view.ts';

export function deviceCommands(program: Command, io: CommandIo): void {
  const device = program
    .command('device')
    .description('Devices: list, show, change, suspend, resume, revoke, release.');
  listCommand(device, io);
  showCommand(device, io);
  setCommand(device, io);
  suspendCommand(device, io);
  resumeCommand(device, io);
  revokeCommand(device, io);
  releaseCommand(device, io);
}

function listCommand(device: Command, io: CommandIo): void {
  const list = device
    .command('list')
    .description('Lists devices in the order of their IDs.')
    .option('--group <group>', 'only those of this group', parsedBy(parseEntityName))
    .addOption(new Option('--status <status>', 'only those').choices(['active', 'suspended', 'revoked']));
  addExamples(list, [
    'gatehouse device list',
    'gatehouse device list --group sensors --status active --json',
  ]);
  operatorCommand<[], { group?: EntityName; status?: string }>(list, io, async ({ api, output }, filter) => {
    const { group, status } = filter;
    const devices: DeviceView[] = [];
    for await (const page of api.pages<DeviceView>('/devices', { group, status })) devices.push(...page);
    output.result(devices, () =>
      renderTable(
        ['ID', 'STATUS', 'GROUP', 'ATTRIBUTES', 'ENROLLED', 'CHANGED'],
        devices.map(({ id, status, group, attributes, createdAt, changedAt }) => [
          id,
          status,
          group,
          renderAttributes(attributes),
          toTheSecond(createdAt),
          toTheSecond(changedAt),
        ]),
      ),
    );
  });
}

function showCommand(device: Command, io: CommandIo): void {
  const show = device
    .command('show')
    .description('Shows a device and its certificates, newest first. With --json, in PEM too.')
    .argument('<id>', 'device ID', parsedBy(parseDeviceId));
  addExamples(show, ['gatehouse device show press-7']);
  operatorCommand<[id: DeviceId]>(show, io, async ({ api, output }, _flags, id) => {
    const detail = await api.get<DeviceDetail>(`/devices/${encodeURIComponent(id)}`);
    output.result(detail, () => renderDevice(detail));
  });
}
