/** `gatehouse profile …`: what stands in certificates, how long they are valid, and which keys they may have. */
import type { Command } from 'commander';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { type DocumentView, documentCommands } from './documents.ts';
import { profileTestCommand, showExample } from './profile-test.ts';

export function profileCommands(profile: Command, io: CommandIo): void {
  documentCommands(profile, io, {
    noun: 'profile',
    path: '/profiles',
    edit: 's/90d/30d/',
    titles: ['VALIDITY', 'KEYS', 'USAGE', 'SUBJECT', 'ALTERNATIVE NAMES'],
    cells,
    dryRun: showExample,
  });
  profileTestCommand(profile, io);
}

function cells({ validity, keys, extendedKeyUsage, subject, subjectAltNames }: DocumentView): string[] {
  const alternatives = Object.entries(subjectAltNames ?? {}).flatMap(([type, names]) =>
    listed(names).map((name) => `${type}:${name}`),
  );
  return [
    typeof validity === 'number' ? `${validity}s` : String(validity),
    listed(keys).join(' ') || 'all',
    listed(extendedKeyUsage).join(' ') || 'clientAuth',
    [...Object.keys(subject ?? {}), 'CN'].join(' '),
    alternatives.join(' ') || '-',
  ];
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
