/** `gatehouse profile test` and `profile apply --dry-run`: the certificate that a device would get under a profile. */
import type { Command } from 'commander';
import type { ProfileTestRequest, ProfileTestResult } from '../../core/api/profiles.ts';
import { type DeviceId, parseDeviceId, parseEntityName } from '../../core/ids.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { parsedBy } from '../../runtime/command-line/parsers.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import type { NamedDocument } from '../document-file.ts';
import { operatorCommand, type Session } from '../operator-command.ts';
import { renderFields, toTheSecond } from '../table.ts';
import type { DocumentView } from './documents.ts';

export function profileTestCommand(profile: Command, io: CommandIo): void {
  const test = profile
    .command('test')
    .description(
      'Shows the certificate that a device would get, by an example that nobody trusts. Nothing is stored or sent.',
    )
    .argument(
      '<profile>',
      'its name, or a file that holds one (*.yaml, *.yml, *.json or a path with a /); - for standard input',
    )
    .option(
      '--device <id>',
      'for this device as it is registered (default: for one that is made up)',
      parsedBy(parseDeviceId),
    );
  addExamples(test, [
    'gatehouse profile test device',
    'gatehouse profile test gateway.yaml --device press-7',
    "gatehouse profile test gateway --json | node -p 'JSON.parse(fs.readFileSync(0)).certificate' | openssl x509 -text",
  ]);
  operatorCommand<[profile: string], { device?: DeviceId }>(test, io, async (session, { device }, given) => {
    await showExample(session, await documentOf(session, given), device);
  });
}

/** Has the server issue the example, and prints it. */
export async function showExample(
  { api, output }: Session,
  { name, body }: NamedDocument,
  device?: DeviceId,
): Promise<void> {
  const request: ProfileTestRequest = {
    document: { ...body, name },
    ...(device !== undefined && { device }),
  };
  const result = await api.post<ProfileTestResult>('/profiles/test', request);
  output.result(result, () => renderExample(result));
  output.note('An example: its CA was made for it and is gone. Nothing was stored.');
}

async function documentOf({ api }: Session, given: string): Promise<NamedDocument> {
  if (given === '-' || /[/\\]|\.(?:ya?ml|json)$/i.test(given)) {
    const { readDocument } = await import('../document-file.ts');
    return readDocument(given);
  }
  const name = parseEntityName(given);
  const { changedAt: _serversOwn, ...body } = await api.get<DocumentView>(
    `/profiles/${encodeURIComponent(name)}`,
  );
  return { name, body };
}

function renderExample(result: ProfileTestResult): string {
  const { profile, device, attributes, subject, subjectAltNames, keyUsage, extendedKeyUsage, keys } = result;
  const { notBefore, notAfter, renewAfter, serverKeygen, certificate } = result;
  const values = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
  const fields = renderFields({
    profile,
    device: `${device.id} of the group ${device.group}${device.madeUp ? ', both made up' : ''}`,
    ...(values.length > 0 && { attributes: `${values.join(', ')}${device.madeUp ? ' (made up)' : ''}` }),
    subject,
    'alternative names': subjectAltNames.length === 0 ? 'none' : subjectAltNames.join(', '),
    'key usage': keyUsage.join(', '),
    'extended key usage': extendedKeyUsage.join(', '),
    'valid from': toTheSecond(notBefore),
    'valid until': toTheSecond(notAfter),
    'renew after': toTheSecond(renewAfter),
    keys: `${keys.join(', ')}${serverKeygen ? '; the server may make them' : ''}`,
  });
  return `${fields}\n\n${certificate.trimEnd()}`;
}
