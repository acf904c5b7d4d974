/** `gatehouse key fingerprint`: what a public key is known by, here and on block-lists. Asks no server. */
import type { Command } from 'commander';
import { keyFingerprintIn } from '../../core/pki/key-file.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { createOutput } from '../../runtime/command-line/output.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { readInputFile } from '../import/input-file.ts';

export function fingerprintCommand(key: Command, io: CommandIo): void {
  const fingerprint = key
    .command('fingerprint')
    .description('Prints the fingerprint of the public key in a file: SHA-256 over its SubjectPublicKeyInfo.')
    .argument('<file>', 'public key, certificate, request or private key, PEM or DER; - for standard input')
    .option('--json', 'print JSON alone on standard output');
  addExamples(fingerprint, [
    'gatehouse key fingerprint press-7.crt',
    'gatehouse device show press-7 --json | jq -r ".certificates[0].pem" | gatehouse key fingerprint -',
  ]);
  fingerprint.action(async (file: string, { json }: { readonly json?: boolean }) => {
    const found = keyFingerprintIn(await readInputFile(file));
    createOutput(io, json === true).result({ fingerprint: found }, () => found);
  });
}
