/** `gatehouse certificate list|show|revoke`: certificates, whosever they are. */
import { type Command, Option } from 'commander';
import type { CertificatePurpose, CertificateView } from '../../core/api/certificates.ts';
import type { IssuerView } from '../../core/api/issuers.ts';
import { type DeviceId, parseDeviceId, parseSerialNumber, type SerialNumber } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import type { OperatorClient } from '../operator-client.ts';
import { operatorCommand } from '../operator-command.ts';
import { renderFields, renderTable, toTheSecond } from '../table.ts';
import { issuerNamed } from './ca-names.ts';
import { revokeCommand } from './certificate-revoke.ts';

interface ListFlags {
  readonly device?: DeviceId;
  readonly issuer?: string;
  readonly status?: string;
}

export function certificateCommands(certificate: Command, io: CommandIo): void {
  listCommand(certificate, io);
  showCommand(certificate, io);
  revokeCommand(certificate, io);
}

function listCommand(certificate: Command, io: CommandIo): void {
  const list = certificate
    .command('list')
    .description(
      'Lists certificates in the order of their serial numbers: the whole registry is read for it. With --json, in PEM too.',
    )
    .option('--device <id>', 'only those of this device', parsedBy(parseDeviceId))
    .option('--issuer <ca>', 'only those that this CA issued: fingerprint, the beginning of one, or subject')
    .addOption(
      new Option('--status <status>', 'only those').choices(['active', 'superseded', 'suspended', 'revoked']),
    );
  addExamples(list, [
    'gatehouse certificate list --status revoked',
    'gatehouse certificate list --issuer 5feceb66 --status active',
  ]);
  operatorCommand<[], ListFlags>(list, io, async ({ api, output }, { device, issuer: named, status }) => {
    const issuer = named === undefined ? undefined : await fingerprintOf(api, named, list);
    const certificates: CertificateView[] = [];
    for await (const page of api.pages<CertificateView>('/certificates', { device, issuer, status })) {
      certificates.push(...page);
    }
    output.result(certificates, () =>
      renderTable(
        ['SERIAL NUMBER', 'FOR', 'STATUS', 'NOT AFTER', 'REVOKED', 'REASON'],
        certificates.map((one) => [
          one.serialNumber,
          holderOf(one),
          one.status,
          toTheSecond(one.notAfter),
          one.revokedAt && toTheSecond(one.revokedAt),
          one.reason,
        ]),
      ),
    );
  });
}

async function fingerprintOf(api: OperatorClient, named: string, command: Command): Promise<string> {
  const { items } = await api.get<{ items: readonly IssuerView[] }>('/issuers');
  return issuerNamed(items, named, (text) => command.error(text)).fingerprint;
}

const OWN: Readonly<Record<Exclude<CertificatePurpose, 'device'>, string>> = {
  enroll: '(HTTPS of enroll)',
  broker: '(broker)',
  ocsp: '(OCSP answers)',
  other: "(Gatehouse's own)",
};

/** The device, or which of Gatehouse's own it is. */
function holderOf({ device, purpose }: CertificateView): string | null {
  return purpose === 'device' ? device : OWN[purpose];
}

function showCommand(certificate: Command, io: CommandIo): void {
  const show = certificate
    .command('show')
    .description('Shows a certificate, in PEM too.')
    .argument(
      '<serial>',
      'serial number in hex, as openssl x509 -serial prints it',
      parsedBy(parseSerialNumber),
    );
  addExamples(show, ['gatehouse certificate show 3A7F…09']);
  operatorCommand<[serial: SerialNumber]>(show, io, async ({ api, output }, _flags, serial) => {
    const found = await api.get<CertificateView>(`/certificates/${serial}`);
    output.result(found, () => {
      const fields = renderFields({
        'serial number': found.serialNumber,
        for: holderOf(found),
        status: found.status,
        issued: toTheSecond(found.issuedAt),
        'not before': toTheSecond(found.notBefore),
        'not after': toTheSecond(found.notAfter),
        revoked: found.revokedAt && toTheSecond(found.revokedAt),
        reason: found.reason,
        renews: found.renews,
        'first used': found.firstUsedAt && toTheSecond(found.firstUsedAt),
        issuer: found.issuer,
        'SHA-256': found.fingerprint,
      });
      return `${fields}\n\n${found.pem.trimEnd()}`;
    });
  });
}
