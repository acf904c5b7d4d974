/** `gatehouse token …`: the enrollment tokens that let devices in. */
import type { Command } from 'commander';
import type { TokenCreated, TokenRequest, TokenView } from '../../core/api/tokens.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { parseExpiry, parseTokenId, parseUses } from '../option-parsers.ts';
import { renderTable, toTheSecond } from '../table.ts';

interface CreateFlags {
  readonly group?: string;
  readonly maxUses?: number;
  readonly expires?: number;
  readonly device?: string;
}

export function tokenCommands(token: Command, io: CommandIo): void {
  const create = token
    .command('create')
    .description('Creates a token and prints it: the only time that it is shown.')
    .option('--group <group>', 'group that the devices join (default: devices)')
    .option('--max-uses <n>', 'how many enrollments it is good for, up to 1,000,000 (default: 1)', parseUses)
    .option(
      '--expires <duration>',
      'how long it is valid, up to 365d: 15m, 24h, 30d (default: 24h)',
      parseExpiry,
    )
    .option('--device <id>', 'the only device ID it lets in, or a pattern with * (default: any)');
  addExamples(create, [
    'gatehouse token create',
    'gatehouse token create --device press-7 --expires 15m',
    'gatehouse token create --group sensors --device "line-3-*" --max-uses 200 --expires 30d',
  ]);
  operatorCommand<[], CreateFlags>(create, io, async ({ api, output }, flags) => {
    const { group, maxUses, expires: expiresIn, device } = flags;
    const request: TokenRequest = {
      ...(group !== undefined && { group }),
      ...(maxUses !== undefined && { maxUses }),
      ...(expiresIn !== undefined && { expiresIn }),
      ...(device !== undefined && { device }),
    };
    const created = await api.post<TokenCreated>('/tokens', request);
    output.result(created, () => created.token);
    output.note(renderTerms(created));
  });

  const list = token.command('list').description('Lists tokens, newest first, without their secrets.');
  addExamples(list, ['gatehouse token list']);
  operatorCommand<[]>(list, io, async ({ api, output }) => {
    const { items } = await api.get<{ items: readonly TokenView[] }>('/tokens');
    output.result(items, () =>
      renderTable(
        ['ID', 'STATUS', 'USES', 'GROUP', 'DEVICE', 'EXPIRES', 'CREATED BY'],
        items.map(({ id, status, uses, maxUses, group, device, expiresAt, createdBy }) => [
          id,
          status,
          `${uses}/${maxUses}`,
          group,
          device ?? 'any',
          toTheSecond(expiresAt),
          createdBy,
        ]),
      ),
    );
  });

  const revoke = token
    .command('revoke')
    .description('Revokes a token. Devices that enrolled with it stay.')
    .argument('<id>', 'id of the token, as token list shows it, or the token itself', parseTokenId);
  addExamples(revoke, ['gatehouse token revoke 6f1d2c3b4a59']);
  operatorCommand<[id: string]>(revoke, io, async ({ api, output }, _flags, id) => {
    const revoked = await api.delete<TokenView>(`/tokens/${encodeURIComponent(id)}`);
    output.result(revoked, () => `token ${revoked.id} is ${revoked.status}`);
  });
}

function renderTerms({ id, maxUses, device, group, expiresAt }: TokenCreated): string {
  const enrollments = maxUses === 1 ? '1 enrollment' : `${maxUses} enrollments`;
  return [
    `Good for ${enrollments} of ${device ?? 'any device'}, into the group ${group}, until ${toTheSecond(expiresAt)}.`,
    `It is shown only now. Its id, for lists and for revoking it: ${id}`,
  ].join('\n');
}
