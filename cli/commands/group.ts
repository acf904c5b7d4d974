/** `gatehouse group …`: groups give their devices a certificate profile and a policy. */
import { type Command, Option } from 'commander';
import type { GroupView } from '../../core/api/groups.ts';
import { formatDuration } from '../../core/duration.ts';
import { type Approval, approvals } from '../../core/enrollment/approval.ts';
import { GatehouseError } from '../../core/errors.ts';
import { type EntityName, parseEntityName, quote } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { tellLiveSessions } from '../live-sessions.ts';
import { operatorCommand } from '../operator-command.ts';
import { parseRenewalGrace } from '../option-parsers.ts';
import { renderTable } from '../table.ts';
import { groupChangeCommands } from './group-change.ts';
import { showGroupDryRun } from './group-dry-run.ts';

interface ApplyFlags {
  readonly name?: EntityName;
  readonly policy?: EntityName;
  readonly profile?: EntityName;
  readonly description?: string;
  readonly renewalGrace?: number;
  readonly approval?: Approval;
  readonly dryRun?: true;
}

export function groupCommands(group: Command, io: CommandIo): void {
  listCommands(group, io);
  groupChangeCommands(group, io);
}

function listCommands(group: Command, io: CommandIo): void {
  const list = group.command('list').description('Lists groups.');
  addExamples(list, ['gatehouse group list']);
  operatorCommand<[]>(list, io, async ({ api, output }) => {
    const { items } = await api.get<{ items: readonly GroupView[] }>('/groups');
    output.result(items, () => renderGroups(items));
  });

  const show = group
    .command('show')
    .description('Prints one as YAML: a file to change and to apply.')
    .argument('<name>', 'the group', parsedBy(parseEntityName));
  addExamples(show, ['gatehouse group show sensors > sensors.yaml']);
  operatorCommand<[name: EntityName]>(show, io, async ({ api, output }, _flags, name) => {
    const { stringify } = await import('yaml');
    const { items } = await api.get<{ items: readonly GroupView[] }>('/groups');
    const found = items.find((one) => one.name === name);
    if (found === undefined) throw new GatehouseError('group_unknown', `there is no group ${quote(name)}`);
    const renewalGrace = formatDuration(found.renewalGrace * 1_000);
    output.result(found, () => stringify({ ...found, renewalGrace }).trimEnd());
  });

  const apply = group
    .command('apply')
    .description(
      'Creates a group or changes it, from a file (YAML or JSON with name, policy, profile, description, renewalGrace, approval) or from options. Devices of the group have the new policy at once.',
    )
    .argument('[file]', 'the document; - for standard input')
    .option('--name <group>', 'instead of a file: the group', parsedBy(parseEntityName))
    .option('--policy <policy>', 'its policy', parsedBy(parseEntityName))
    .option('--profile <profile>', 'its certificate profile', parsedBy(parseEntityName))
    .option('--description <text>', 'for people')
    .option(
      '--renewal-grace <duration>',
      'how long past its expiry a certificate may still be renewed, such as 30d (default: not at all)',
      parseRenewalGrace,
    )
    .addOption(
      new Option(
        '--approval <whether>',
        'required: an operator approves each enrollment, see gatehouse request (default: none)',
      ).choices(approvals),
    )
    .option('--dry-run', 'show what it would lead to, and change nothing');
  addExamples(apply, [
    'gatehouse group apply sensors.yaml',
    'gatehouse group apply --name sensors --policy device --profile device --renewal-grace 30d',
    'gatehouse group apply --name gates --policy device --profile device --approval required',
    'gatehouse group apply sensors.yaml --dry-run',
  ]);
  operatorCommand<[file: string | undefined], ApplyFlags>(apply, io, async (session, flags, file) => {
    const { name, body } = file === undefined ? fromFlags(flags, apply) : await fromFile(file, flags, apply);
    if (flags.dryRun) return showGroupDryRun(session, { ...body, name });
    const { api, output } = session;
    const applied = await api.put<GroupView>(`/groups/${encodeURIComponent(name)}`, body);
    output.result(applied, () => renderGroups([applied]));
    tellLiveSessions(output, `devices of ${applied.name} have its policy`);
  });
}

function fromFlags(flags: ApplyFlags, command: Command): { name: EntityName; body: object } {
  const { name, policy, profile, description, renewalGrace, approval } = flags;
  if (name === undefined || policy === undefined || profile === undefined) {
    command.error('give a file, or --name, --policy and --profile');
  }
  return { name, body: { policy, profile, description, renewalGrace, approval } };
}

async function fromFile(file: string, flags: ApplyFlags, command: Command) {
  const { name, policy, profile, description, renewalGrace, approval } = flags;
  if ([name, policy, profile, description, renewalGrace, approval].some((flag) => flag !== undefined)) {
    command.error('give a file or options, not both');
  }
  const { readDocument } = await import('../document-file.ts');
  return readDocument(file);
}

function renderGroups(groups: readonly GroupView[]): string {
  return renderTable(
    ['NAME', 'POLICY', 'PROFILE', 'RENEWAL GRACE', 'APPROVAL', 'DESCRIPTION'],
    groups.map(({ name, policy, profile, renewalGrace, approval, description }) => [
      name,
      policy,
      profile,
      renewalGrace === 0 ? 'none' : formatDuration(renewalGrace * 1_000),
      approval,
      description,
    ]),
  );
}
