/** `gatehouse request …`: enrollments that wait for an operator. */
import { type Command, Option } from 'commander';
import type { ChangeReport, ChangingRequest } from '../../core/api/bulk.ts';
import type { RequestView } from '../../core/api/requests.ts';
import { requestStatuses } from '../../core/enrollment/approval.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { ReportedError } from '../../runtime/command-line/last-words.ts';
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { describeChange } from '../change.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderFields, renderTable, toTheSecond } from '../table.ts';

const EACH = 'Each is decided by itself, whether or not another one is refused.';

export function requestCommands(request: Command, io: CommandIo): void {
  listCommand(request, io);
  showCommand(request, io);
  approveCommand(request, io);
  denyCommand(request, io);
}

function listCommand(request: Command, io: CommandIo): void {
  const list = request
    .command('list')
    .description('Lists requests, oldest first.')
    .addOption(new Option('--status <status>', 'only those').choices(requestStatuses));
  addExamples(list, ['gatehouse request list --status pending']);
  operatorCommand<[], { status?: string }>(list, io, async ({ api, output }, { status }) => {
    const requests: RequestView[] = [];
    for await (const page of api.pages<RequestView>('/requests', { status })) requests.push(...page);
    output.result(requests, () =>
      renderTable(
        ['ID', 'STATUS', 'DEVICE', 'GROUP', 'BY', 'KEY', 'ADDRESS', 'ASKED', 'DECIDED BY'],
        requests.map((one) => [
          one.id,
          one.status,
          one.device,
          one.group,
          shownBy(one),
          `${one.keyKind} ${one.keyFingerprint.slice(0, 16)}…`,
          one.address,
          toTheSecond(one.createdAt),
          one.decidedBy,
        ]),
      ),
    );
  });
}

function showCommand(request: Command, io: CommandIo): void {
  const show = request
    .command('show')
    .description('Shows all that is known of a request: compare the key with what the device displays.')
    .argument('<id>', 'number of the request', parseRequestId);
  addExamples(show, ['gatehouse request show 17']);
  operatorCommand<[id: number]>(show, io, async ({ api, output }, _flags, id) => {
    const found = await api.get<RequestView>(`/requests/${id}`);
    output.result(found, () =>
      renderFields({
        ID: found.id,
        status: found.status,
        device: found.device,
        group: found.group,
        by: shownBy(found),
        'factory certificate': found.factoryCertificate,
        key: found.keyKind,
        'SHA-256 of the key': found.keyFingerprint,
        address: found.address,
        asked: toTheSecond(found.createdAt),
        lapses: found.expiresAt && toTheSecond(found.expiresAt),
        decided: found.decidedAt && toTheSecond(found.decidedAt),
        'decided by': found.decidedBy,
        reason: found.reason,
        certificate: found.serialNumber,
      }),
    );
  });
}

function approveCommand(request: Command, io: CommandIo): void {
  const approve = describeChange(
    request.command('approve'),
    `Lets devices have their certificates: they fetch them by themselves. ${EACH}`,
  );
  addExamples(approve, ['gatehouse request approve 17', 'gatehouse request approve 17 18 19']);
  decides(approve, io, 'approve', () => ({}));
}

function denyCommand(request: Command, io: CommandIo): void {
  const deny = describeChange(
    request.command('deny'),
    `Refuses devices until they are approved after all. ${EACH}`,
  ).option('--reason <text>', 'told to the device, and to whoever reads the journal');
  addExamples(deny, ['gatehouse request deny 17 --reason "not one of ours"']);
  decides<{ reason?: string }>(deny, io, 'deny', ({ reason }) => (reason === undefined ? {} : { reason }));
}

/** One that is refused does not keep the others from being decided: what is reported is what was, also where the server goes away. */
function decides<Flags extends object>(
  command: Command,
  io: CommandIo,
  call: 'approve' | 'deny',
  bodyOf: (flags: Flags) => object,
): void {
  command.argument('<id...>', 'numbers of requests', (text: string, before?: readonly number[]) => [
    ...(before ?? []),
    parseRequestId(text),
  ]);
  operatorCommand<[ids: readonly number[]], Flags>(command, io, async ({ api, output }, flags, ids) => {
    const failures: unknown[] = [];
    const requests: ChangingRequest[] = [];
    const told: string[] = [];
    const named = new Set(ids);
    for (const one of named) {
      try {
        const before = await api.get<RequestView>(`/requests/${one}`);
        const { id, device, status } = await api.post<RequestView>(`/requests/${one}/${call}`, bodyOf(flags));
        const unchanged = status === before.status;
        if (!unchanged) requests.push({ id, device, status });
        told.push(`request ${id} of ${device} is ${status}${unchanged ? ' already' : ''}`);
      } catch (error) {
        failures.push(error);
        // A server that does not answer would not for the others either.
        if (!(error instanceof ReportedError)) break;
      }
    }
    const unchanged = told.length - requests.length;
    const counts = { devices: 0, certificates: 0, unchanged, requests: requests.length };
    const report: ChangeReport = { dryRun: false, counts, devices: [], certificates: [], requests };
    output.result(report, () => told.join('\n') || undefined);
    if (failures.length > 0) throw new AggregateError(failures);
  });
}

const parseRequestId = countUpTo(Number.MAX_SAFE_INTEGER);

function shownBy({ token, manufacturer }: RequestView): string {
  return manufacturer === null ? `token ${token}` : `manufacturer ${manufacturer}`;
}
