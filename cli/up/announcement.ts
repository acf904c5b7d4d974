/** What `gatehouse up` tells once everything answers. */
import { renderFields } from '../table.ts';
import { firstTokenTerms } from './first-token.ts';

/** For programs: the one line of --json. */
export interface Announcement {
  readonly ready: true;
  readonly enrollUrl: string;
  readonly statusUrl: string;
  readonly adminUrl: string;
  readonly mqttUrl: string;
  /** Where a port is set for it. */
  readonly wssUrl?: string;
  readonly caFile: string;
  /** SHA-256 of that certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly caFingerprint: string;
  readonly adminTokenFile: string;
  /** An enrollment token; null where none was created. */
  readonly token: string | null;
}

/** The device that the first command suggested makes, and the last one revokes. */
const EXAMPLE = 'device-1';

/** How whoever started this can call the executables: in a clone they are not on the path. */
export interface CommandNames {
  readonly gatehouse: string;
  readonly simulator: string;
}

/**
 * @param tokenFailure why there is no enrollment token; null where none was asked for
 * @param data the folder, where it is not the one that commands take by themselves
 */
export function renderAnnouncement(
  announcement: Announcement,
  tokenFailure: string | null,
  { gatehouse, simulator }: CommandNames,
  data: string | undefined,
): string {
  const { enrollUrl, mqttUrl, statusUrl, adminUrl, caFile, caFingerprint, adminTokenFile, token } =
    announcement;
  const { group, maxUses } = firstTokenTerms;
  const fields = renderFields({
    'devices enroll at': enrollUrl,
    'and connect to': mqttUrl,
    'trust anchor': caFile,
    'its SHA-256': caFingerprint,
    'enrollment token': token ?? (tokenFailure === null ? 'none yet' : `none: ${tokenFailure}`),
    ...(token !== null && { '': `(group ${group}, ${maxUses} enrollments, 1 hour)` }),
    'CRL and OCSP': statusUrl,
    'operator API': adminUrl,
    "admin's token": adminTokenFile,
  });
  const folder = data === undefined ? '' : ` --data ${shellWord(data)}`;
  return [
    'Gatehouse is ready.',
    '',
    indent(fields),
    '',
    'Next, in another terminal:',
    ...(token === null ? [`  ${gatehouse} token create${folder}`] : []),
    `  ${simulator} run --url ${enrollUrl} --ca ${shellWord(caFile)} \\`,
    `    --token ${token ?? 'TOKEN'} --id ${EXAMPLE} --state ./${EXAMPLE}`,
    `  ${gatehouse} device list${folder}`,
    `  ${gatehouse} device revoke ${EXAMPLE}${folder}`,
    '',
    'Ctrl-C ends it.',
  ].join('\n');
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The loud word about keys that lie beside the passphrase that protects them. */
export function renderPassphraseWarning(file: string): string {
  return [
    `WARNING: no passphrase was given, so one was generated into ${file}, beside the`,
    'keys it protects. Whoever copies the folder can sign as your CA. For production, keep the passphrase',
    'elsewhere and name its file with --passphrase-file.',
  ].join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
