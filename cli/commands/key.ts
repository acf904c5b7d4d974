/** `gatehouse key block`: public keys that no device may ever enroll. */
import type { Command } from 'commander';
import { type Fingerprint, parseFingerprint } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';

export function keyCommands(program: Command, io: CommandIo): void {
  const key = program.command('key').description('Public keys that are known to be compromised.');

  const block = key
    .command('block')
    .description(
      'Never lets this public key enroll. Certificates that it has already stand: revoke the device.',
    )
    .argument('<fingerprint>', 'SHA-256 over the SubjectPublicKeyInfo, in hex', parsedBy(parseFingerprint))
    .requiredOption('--note <text>', 'why, for whoever reads the journal');
  addExamples(block, [
    'gatehouse key block 5feceb66…b8c9 --note "found in a public repository"',
    'openssl pkey -in key.pem -pubout -outform DER | openssl sha256    # prints the fingerprint',
  ]);
  operatorCommand<[fingerprint: Fingerprint], { note: string }>(
    block,
    io,
    async ({ api, output }, { note }, fingerprint) => {
      await api.post('/blocked-keys', { fingerprint, note });
      output.result({ fingerprint, note }, () => `key ${fingerprint} is blocked`);
    },
  );
}
