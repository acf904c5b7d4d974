/** `gatehouse key block`: one public key, or a list of them. */
import type { Command } from 'commander';
import { type Fingerprint, parseFingerprint } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { decodeText, readInputFile } from '../import/input-file.ts';
import { keyLines } from '../import/key-list.ts';
import { Progress } from '../import/progress.ts';
import { renderResult, sendImport } from '../import/send-import.ts';
import { operatorCommand, type Session } from '../operator-command.ts';

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
      'why, for whoever reads the journal; in a list, of keys without one of their own',
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
      await session.api.post('/blocked-keys', { fingerprint, note });
      session.output.result({ fingerprint, note }, () => `key ${fingerprint} is blocked`);
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
