/** `gatehouse issuer list`: the CA certificates. */
import type { Command } from 'commander';
import type { IssuerView } from '../../core/api.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';

export function issuerCommands(program: Command, io: CommandIo): void {
  const issuer = program.command('issuer').description('Issuers: the CA certificates.');

  const list = issuer.command('list').description('Lists the CA certificates. With --json, in PEM too.');
  addExamples(list, ['gatehouse issuer list', `gatehouse issuer list --json | jq -r '.[].pem'`]);
  operatorCommand<[]>(list, io, async ({ api, output }) => {
    const { items } = await api.get<{ items: readonly IssuerView[] }>('/issuers');
    output.result(items, () =>
      renderTable(
        ['KIND', 'STATUS', 'SUBJECT', 'NOT AFTER', 'SHA-256'],
        items.map(({ kind, status, subject, notAfter, fingerprint }) => [
          kind,
          status,
          subject,
          toTheSecond(notAfter),
          fingerprint,
        ]),
      ),
    );
  });
}
