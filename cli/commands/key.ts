/** `gatehouse key …`: public keys that no device may ever enroll. */
import type { Command } from 'commander';
import type { BlockedKeyView } from '../../core/api/blocked-keys.ts';
import { type Fingerprint, parseFingerprint } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';
import { blockCommand } from './key-block.ts';
import { fingerprintCommand } from './key-fingerprint.ts';

export function keyCommands(key: Command, io: CommandIo): void {
  blockCommand(key, io);
  listCommand(key, io);
  unblockCommand(key, io);
  fingerprintCommand(key, io);
}

function listCommand(key: Command, io: CommandIo): void {
  const list = key
    .command('list')
    .description('Lists blocked keys in the order of their fingerprints.')
    .option('--after <fingerprint>', 'only keys after this one', parsedBy(parseFingerprint));
  addExamples(list, ['gatehouse key list', 'gatehouse key list --json | jq length']);
  operatorCommand<[], { after?: Fingerprint }>(list, io, async ({ api, output }, { after }) => {
    const keys: BlockedKeyView[] = [];
    for await (const page of api.pages<BlockedKeyView>('/blocked-keys', { after })) keys.push(...page);
    output.result(keys, () =>
      renderTable(
        ['FINGERPRINT', 'BLOCKED', 'NOTE'],
        keys.map(({ fingerprint, blockedAt, note }) => [fingerprint, toTheSecond(blockedAt), note || null]),
      ),
    );
  });
}

function unblockCommand(key: Command, io: CommandIo): void {
  const unblock = key
    .command('unblock')
    .description('Takes a public key off the block-list. Only for one that was never compromised.')
    .argument('<fingerprint>', 'as key list shows it', parsedBy(parseFingerprint));
  addExamples(unblock, ['gatehouse key unblock 5feceb66…b8c9']);
  operatorCommand<[fingerprint: Fingerprint]>(unblock, io, async ({ api, output }, _flags, fingerprint) => {
    await api.delete(`/blocked-keys/${fingerprint}`);
    output.result({ fingerprint, blocked: false }, () => `key ${fingerprint} is not blocked any more`);
  });
}
