/**
 * How an operator's command finds its server: flags, else the environment, else what the data folder of a
 * Gatehouse on the same host holds.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { GatehouseError } from '../core/errors.ts';
import { quote } from '../core/ids.ts';
import { DEFAULT_DATA_FOLDER, dataLayout } from '../runtime/layout.ts';
import { unreadableFile } from '../runtime/unreadable-file.ts';

export interface ConnectionFlags {
  readonly url?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly data?: string;
}

export interface ServerAddress {
  readonly url: URL;
  readonly token: string;
  /** PEM of the only CAs that are trusted; undefined for those that Node trusts. */
  readonly ca: string | undefined;
}

const options: Readonly<Record<keyof ConnectionFlags, readonly [value: string, help: string]>> = {
  url: ['<url>', 'operator listener of Gatehouse (default: from --data)'],
  token: ['<token>', "operator's token; better in the environment, where `ps` does not show it"],
  ca: ['<file>', 'certificate (PEM) that the server must lead to (default: from --data)'],
  data: ['<dir>', `data folder of a Gatehouse on this host (default: ${DEFAULT_DATA_FOLDER})`],
};

export function addConnectionOptions(command: Command): Command {
  for (const [name, [value, help]] of Object.entries(options)) {
    const option = new Option(`--${name} ${value}`, `${help} [${variableOf(name)}]`);
    command.addOption(option.helpGroup('Connection:'));
  }
  return command;
}

/** @throws GatehouseError `setting_invalid`, `operator_token_missing`, `server_unknown`, `file_unreadable` */
export function findServer(flags: ConnectionFlags, environment: NodeJS.ProcessEnv): ServerAddress {
  const given = (name: keyof ConnectionFlags) => flags[name] ?? (environment[variableOf(name)] || undefined);
  const sourceOf = (name: keyof ConnectionFlags) =>
    flags[name] === undefined ? variableOf(name) : `--${name}`;
  const data = given('data') ?? DEFAULT_DATA_FOLDER;
  const folder = dataLayout(data);

  const givenUrl = given('url');
  const url = givenUrl ?? readIfThere(folder.operator.url)?.trim();
  if (url === undefined) {
    throw new GatehouseError(
      'server_unknown',
      `no address to ask: --url was not given, and the data folder ${quote(data)} holds none`,
    );
  }
  // The folder's token goes only to a server that the folder's CA vouches for.
  const caFile = given('ca');
  const token =
    given('token') ?? (caFile === undefined ? readIfThere(folder.operator.token)?.trim() : undefined);
  if (token === undefined || token === '') {
    throw caFile === undefined
      ? new GatehouseError('operator_token_missing')
      : new GatehouseError(
          'operator_token_missing',
          `the token of the data folder is not sent where ${sourceOf('ca')} names a CA: give --token`,
        );
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new GatehouseError(
      'operator_token_invalid',
      'the operator token holds characters that no token has',
    );
  }
  return {
    url: parseUrl(url, givenUrl === undefined ? folder.operator.url : sourceOf('url')),
    token,
    ca: caFile === undefined ? readIfThere(folder.rootCertificate) : readCa(caFile),
  };
}

function variableOf(name: string): string {
  return `GATEHOUSE_${name.toUpperCase()}`;
}

function parseUrl(text: string, source: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') {
    throw new GatehouseError(
      'setting_invalid',
      `${source} takes an address that begins with https://, not ${quote(text)}`,
    );
  }
  return url;
}

function readCa(path: string): string {
  const pem = readIfThere(path);
  if (pem === undefined) throw new GatehouseError('file_unreadable', `${path} is not there`);
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new GatehouseError('pem_invalid', `${path} does not begin with a certificate in PEM`, { cause });
  }
  return pem;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw unreadableFile(path, cause);
  }
}
