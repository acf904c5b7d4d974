/** `gatehouse key block`: one public key, or a list of them. */
import type { Command } from 'commander';
import type { BlockedKeyView } from '../../core/api/blocked-keys.ts';
import { type Fingerprint, parseFingerprint } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { printable } from '../../runtime/command-line/printable.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { decodeText, readInputFile } from '../import/input-file.ts';
import { keyLines } from '../import/key-list.ts';
import { Progress } from '../import/progress.ts';
import { renderResult, sendImport } from '../import/send-import.ts';
import { operatorCommand, type Session } from '../operator-command.ts';
import { toTheSecond } from '../table.ts';

interface BlockFlags {
  readonly note?: string;
  readonly file?: string;
  readonly dryRun?: boolean;
}

export function blockCommand(key: Command, io: CommandIo): void {
  const block = key
    .command('block')
    .description(
      'Never lets these public keys enroll or renew. Certificates that they have already stand: revoke the device.',
    )
    .argument('[fingerprint]', 'SHA-256 over the SubjectPublicKeyInfo, in hex', parsedBy(parseFingerprint))
    .option(
      '--file <list>',
      'a fingerprint a line, a note behind it if any, # for comments; - for standard input',
    )
    .option(
      '--note <text>',
      'why, for whoever reads the journal; in a list, of keys without one of their own. What is blocked keeps its note',
    )
    .option('--dry-run', 'with --file: check everything and write nothing');
  addExamples(block, [
    'gatehouse key block 5feceb66…b8c9 --note "found in a public repository"',
    'gatehouse key block "$(gatehouse key fingerprint leaked.pem)" --note leaked',
    'gatehouse key block --file weak-keys.txt --note "list of 2026-05"',
  ]);
  operatorCommand<[fingerprint: Fingerprint | undefined], BlockFlags>(
    block,
    io,
    async (session, flags, fingerprint) => {
      const { file, note, dryRun } = flags;
      if (file !== undefined) {
        if (fingerprint !== undefined) block.error('give a fingerprint or --file, not both');
        return blockList(session, io, { ...flags, file });
      }
      if (dryRun === true) block.error('--dry-run goes with --file');
      if (fingerprint === undefined) block.error('give a fingerprint, or --file');
      if (note === undefined) block.error('say why with --note');
      const stored = await session.api.post<BlockedKeyView>('/blocked-keys', { fingerprint, note });
      session.output.result(stored, () =>
        stored.note === note
          ? `key ${fingerprint} is blocked`
          : `key ${fingerprint} is blocked since ${toTheSecond(stored.blockedAt)}, and its note stays: ${printable(stored.note)}`,
      );
    },
  );
}

async function blockList(
  { api, output }: Session,
  io: CommandIo,
  { file, note = '', dryRun = false }: BlockFlags & { readonly file: string },
): Promise<void> {
  const text = decodeText(file, await readInputFile(file));
  const result = await sendImport({
    api,
    path: '/blocked-keys/import',
    query: { dryRun: String(dryRun) },
    lines: Buffer.from(keyLines(text, note)),
    progress: new Progress(io),
  });
  output.result(result, () => renderResult(result, 'blocked keys'));
}
