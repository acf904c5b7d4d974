/** `gatehouse device list|show`. */
import { type Command, Option } from 'commander';
import type { DeviceDetail, DeviceView } from '../../core/api/devices.ts';
import { type DeviceId, type EntityName, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';
import { renderAttributes, renderDevice } from './device-view.ts';

interface ListFlags {
  readonly group?: EntityName;
  readonly status?: string;
  readonly notEnrolled?: boolean;
}

export function listCommand(device: Command, io: CommandIo): void {
  const list = device
    .command('list')
    .description('Lists devices in the order of their IDs.')
    .option('--group <group>', 'only those of this group', parsedBy(parseEntityName))
    .addOption(new Option('--status <status>', 'only those').choices(['active', 'suspended', 'revoked']))
    .option('--not-enrolled', 'only those that have no certificate yet');
  addExamples(list, [
    'gatehouse device list',
    'gatehouse device list --group sensors --status active --json',
    'gatehouse device list --not-enrolled',
  ]);
  operatorCommand<[], ListFlags>(list, io, async ({ api, output }, { group, status, notEnrolled }) => {
    const devices: DeviceView[] = [];
    for await (const page of api.pages<DeviceView>('/devices', { group, status })) {
      devices.push(...(notEnrolled ? page.filter(({ enrolledAt }) => enrolledAt === null) : page));
    }
    output.result(devices, () =>
      renderTable(
        ['ID', 'STATUS', 'GROUP', 'ATTRIBUTES', 'ENROLLED', 'CHANGED', 'SEEN'],
        devices.map(({ id, status, group, attributes, enrolledAt, changedAt, presence }) => [
          id,
          status,
          group,
          renderAttributes(attributes),
          enrolledAt && toTheSecond(enrolledAt),
          toTheSecond(changedAt),
          presence && (presence.status === 'online' ? 'online' : toTheSecond(presence.lastSeenAt)),
        ]),
      ),
    );
  });
}

export function showCommand(device: Command, io: CommandIo): void {
  const show = device
    .command('show')
    .description('Shows a device and its certificates, the newest hundred at most. With --json, in PEM too.')
    .argument('<id>', 'device ID', parsedBy(parseDeviceId));
  addExamples(show, ['gatehouse device show press-7']);
  operatorCommand<[id: DeviceId]>(show, io, async ({ api, output }, _flags, id) => {
    const detail = await api.get<DeviceDetail>(`/devices/${encodeURIComponent(id)}`);
    output.result(detail, () => renderDevice(detail));
  });
}
