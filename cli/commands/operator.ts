/** `gatehouse operator …`: who may give these commands. */
import { type Command, Option } from 'commander';
import type { OperatorCreated, OperatorView } from '../../core/api/operators.ts';
import { type EntityName, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';

export function operatorCommands(operator: Command, io: CommandIo): void {
  const create = operator
    .command('create')
    .description('Creates an operator and prints the token: the only time that it is shown.')
    .argument('<name>', 'name of the operator', parsedBy(parseEntityName))
    .addOption(
      new Option('--role <role>', 'viewer reads; operator handles devices and tokens; admin does everything')
        .choices(['viewer', 'operator', 'admin'])
        .makeOptionMandatory(),
    );
  addExamples(create, ['gatehouse operator create night-shift --role operator']);
  operatorCommand<[name: EntityName], { role: string }>(
    create,
    io,
    async ({ api, output }, { role }, name) => {
      const created = await api.post<OperatorCreated>('/operators', { name, role });
      output.result(created, () => created.token);
      output.note(`The token of ${created.name}, in the role ${created.role}. It is shown only now.`);
    },
  );

  const list = operator.command('list').description('Lists operators and their roles.');
  addExamples(list, ['gatehouse operator list']);
  operatorCommand<[]>(list, io, async ({ api, output }) => {
    const { items } = await api.get<{ items: readonly OperatorView[] }>('/operators');
    output.result(items, () =>
      renderTable(
        ['NAME', 'ROLE', 'CREATED'],
        items.map(({ name, role, createdAt }) => [name, role, toTheSecond(createdAt)]),
      ),
    );
  });

  const remove = operator
    .command('remove')
    .description('Removes an operator; the token is void at once.')
    .argument('<name>', 'name of the operator', parsedBy(parseEntityName));
  addExamples(remove, ['gatehouse operator remove night-shift']);
  operatorCommand<[name: EntityName]>(remove, io, async ({ api, output }, _flags, name) => {
    await api.delete(`/operators/${encodeURIComponent(name)}`);
    output.result({ name, removed: true }, () => `operator ${name} is removed`);
  });
}
