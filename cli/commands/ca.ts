/** `gatehouse ca …`: the CAs, and how one takes over from another. */
import type { Command } from 'commander';
import type { CaRotation, CaStatusView, RotateRequest } from '../../core/api/issuers.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderTable, toTheSecond } from '../table.ts';
import { retireCommand } from './ca-retire.ts';
import { revokeCertificatesCommand } from './ca-revoke.ts';

export function caCommands(ca: Command, io: CommandIo): void {
  statusCommand(ca, io);
  rotateCommand(ca, io);
  retireCommand(ca, io);
  revokeCertificatesCommand(ca, io);
}

function statusCommand(ca: Command, io: CommandIo): void {
  const status = ca
    .command('status')
    .description(
      'Shows the CAs with their CRLs, and how many devices are on the active one. With --json, in PEM too.',
    );
  addExamples(status, ['gatehouse ca status', `gatehouse ca status --json | jq -r '.issuers[].pem'`]);
  operatorCommand<[]>(status, io, async ({ api, output }) => {
    const result = await api.get<CaStatusView>('/issuers/status');
    output.result(result, () => renderStatus(result));
  });
}

function renderStatus({ devices, moved, issuers }: CaStatusView): string {
  const table = renderTable(
    ['KIND', 'STATUS', 'SUBJECT', 'NOT AFTER', 'DEVICES', 'SHA-256'],
    issuers.map(({ kind, status, subject, notAfter, devices, fingerprint }) => [
      kind,
      status,
      subject,
      toTheSecond(notAfter),
      devices,
      fingerprint,
    ]),
  );
  const lists = `${table}\n\n${renderCrls(issuers)}`;
  if (devices === 0) return `${lists}\n\nno device has a certificate that stands`;
  // Rounded down: 100 % is all of them.
  const share = Math.floor((100 * moved) / devices);
  return `${lists}\n\n${moved} of ${devices} devices (${share} %) are on the active issuing CA`;
}

/** Shards, of which there may be hundreds, in one row: how long the longest is. */
function renderCrls(issuers: CaStatusView['issuers']): string {
  const rows = issuers.flatMap(({ subject, fingerprint, crls }) => {
    const shards = crls.filter(({ list }) => list.startsWith('shard-'));
    const longest = Math.max(...shards.map(({ bytes }) => bytes));
    return [
      ...crls
        .filter((crl) => !shards.includes(crl))
        .map((crl) => [
          ...[subject, fingerprint.slice(0, 12), crl.list, crl.number],
          ...[toTheSecond(crl.thisUpdate), toTheSecond(crl.nextUpdate), crl.entries, crl.bytes],
        ]),
      ...(shards.length === 0
        ? []
        : [[subject, fingerprint.slice(0, 12), `${shards.length} shards`, null, null, null, null, longest]]),
    ];
  });
  return renderTable(
    ['CRL OF', 'SHA-256', 'LIST', 'NUMBER', 'ISSUED', 'NEXT UPDATE', 'ENTRIES', 'BYTES'],
    rows,
  );
}

function rotateCommand(ca: Command, io: CommandIo): void {
  const rotate = ca
    .command('rotate')
    .description(
      "Makes a new issuing CA, which new certificates come from at once; the one before stays until it is retired. Needs the root's key in DATA/ca.",
    )
    .option('--root', 'a new root too; it and the one before vouch for one another');
  addExamples(rotate, ['gatehouse ca rotate', 'gatehouse ca rotate --root']);
  operatorCommand<[], { root?: true }>(rotate, io, async ({ api, output }, { root = false }) => {
    const request: RotateRequest = { root };
    const result = await api.post<CaRotation>('/issuers/rotate', request);
    output.result(result, () => `${result.issuing.subject} issues from now on; devices move as they renew`);
    if (result.root !== null) {
      output.note(
        `The new root is ${result.root.fingerprint}. Give it to whoever trusts the old one: GET /v1/ca and\n` +
          'DATA/public/root.pem have both, for as long as both are in use.',
      );
    }
    output.note('gatehouse ca status shows how far it is.');
  });
}
