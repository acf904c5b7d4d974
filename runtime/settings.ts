/**
 * The settings of both processes, read whole at start: flag, else environment, else gatehouse.yaml, else the
 * default. One table defines them; the flags, `--help` and the messages come from it. Unknown keys fail.
 */
import { readFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { durationSchema } from '../core/duration-schema.ts';
import { GatehouseError } from '../core/errors.ts';
import { quote } from '../core/ids.ts';
import { CRL_SHARDS } from '../core/pki/crl-names.ts';
import { DEFAULT_DATA_FOLDER } from './layout.ts';
import { limitSettings } from './limit-settings.ts';
import { refuseConflicts } from './setting-conflicts.ts';
import { type SettingRow, wholeNumber } from './setting-row.ts';
import { unreadableFile } from './unreadable-file.ts';
import { parseYaml } from './yaml.ts';

const port = wholeNumber(0, 65_535);
const count = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const hostnames = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value),
  z.array(z.string().regex(/^[A-Za-z0-9.:-]+$/)).min(1),
);
const text = z.string().min(1);
/**
 * A week: enrollments that wait for an operator, and clocks that are wrong (enroll/housekeeping/careful-clock.ts), stay
 * well within it; brokers and CRLs are a day behind at the most.
 */
export const LEAST_RETENTION = 7 * 86_400_000;
/** ms; null for ever. */
const retention = z.union([
  z.literal('forever').transform(() => null),
  durationSchema.pipe(
    z
      .number()
      .min(LEAST_RETENTION)
      .max(100 * 365 * 86_400_000),
  ),
]);

/** What of a setting is common to several, for help and messages. */
const aPort = { schema: port, placeholder: '<port>', takes: 'a port number, 0 to 65535' } as const;
const anAddress = { schema: text, placeholder: '<address>', takes: 'an address of this host' } as const;
const optionalText = { schema: text.optional(), default: undefined, defaultText: 'none' } as const;
const aRate = { schema: count, placeholder: '<n>', takes: 'a whole number above zero' } as const;

/** Each setting: its form, its default, and the words that `--help` and messages have for it. */
export const settingsTable = {
  data: {
    schema: text,
    default: DEFAULT_DATA_FOLDER,
    placeholder: '<dir>',
    takes: 'the path of a folder',
    help: 'the folder that holds everything Gatehouse keeps',
  },
  host: { ...anAddress, default: '0.0.0.0', help: 'address that the device and MQTT listeners bind' },
  hostname: {
    schema: hostnames,
    default: ['localhost', '127.0.0.1', '::1', machineName()],
    placeholder: '<names>',
    takes: 'DNS names and IP addresses, separated by commas',
    help: 'names and addresses in the server certificates, the first one advertised; with commas, or repeated',
    repeatable: true,
  },
  enrollPort: { ...aPort, default: 8443, help: 'HTTPS for devices: enrollment' },
  statusPort: { ...aPort, default: 8080, help: 'HTTP, public: CA certificates, CRL, OCSP' },
  statusUrl: {
    schema: z.url({ protocol: /^https?$/ }).optional(),
    default: undefined,
    defaultText: 'from hostname and status port',
    placeholder: '<url>',
    takes: 'an address that begins with http:// or https://',
    help: 'base of the CRL, OCSP and CA addresses in certificates',
  },
  adminHost: { ...anAddress, default: '127.0.0.1', help: 'address that the operator listener binds' },
  adminPort: { ...aPort, default: 9443, help: 'HTTPS for operators' },
  mqttPort: { ...aPort, default: 8883, help: 'MQTT over mutual TLS' },
  wssPort: {
    ...aPort,
    schema: port.optional(),
    default: undefined,
    defaultText: 'none',
    help: 'MQTT over WebSocket, with the same client certificates',
  },
  mqttUrl: {
    schema: z.url({ protocol: /^mqtts$/ }).optional(),
    default: undefined,
    defaultText: 'from hostname and MQTT port',
    placeholder: '<url>',
    takes: 'an address that begins with mqtts://',
    help: 'address of the broker that devices are told',
  },
  metricsHost: {
    ...anAddress,
    default: '127.0.0.1',
    help: "address that the broker's metrics listener binds",
  },
  metricsPort: { ...aPort, default: 9464, help: 'HTTP: /metrics and /health of the broker' },
  durability: {
    schema: z.enum(['fsync', 'os']),
    default: 'fsync',
    placeholder: '<when>',
    takes: 'fsync or os',
    help: 'what an acknowledged message survives: fsync, a power cut, or os, a crash of the broker alone',
  },
  passphraseFile: {
    schema: text.optional(),
    default: undefined,
    defaultText: 'DATA/ca/passphrase',
    placeholder: '<file>',
    takes: 'the path of a file',
    help: 'file with the passphrase of the CA keys',
  },
  signer: {
    schema: z.enum(['file', 'pkcs11']),
    default: 'file',
    placeholder: '<where>',
    takes: 'file or pkcs11',
    help: 'where the CA keys are: file, encrypted in the data folder, or pkcs11, in a hardware token',
  },
  pkcs11Module: {
    ...optionalText,
    placeholder: '<file>',
    takes: 'the path of a shared library',
    help: "the vendor's PKCS #11 module, with --signer pkcs11",
  },
  pkcs11Token: {
    ...optionalText,
    placeholder: '<label>',
    takes: 'the label of a token',
    help: 'the token that has the CA keys, with --signer pkcs11',
  },
  pkcs11PinFile: {
    ...optionalText,
    placeholder: '<file>',
    takes: 'the path of a file',
    help: "file with the token's PIN, with --signer pkcs11",
  },
  crlShards: {
    schema: z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).pipe(z.literal(CRL_SHARDS)),
    default: 1,
    placeholder: '<n>',
    takes: '1, 16 or 256',
    help: 'into how many lists the CRL of new certificates is split: 1, 16 or 256',
  },
  enrollRate: {
    ...aRate,
    default: 6_000,
    help: 'requests a minute that one address may send to the device listener',
  },
  statusRate: {
    ...aRate,
    default: 60_000,
    help: 'requests a minute that one address may send to the status listener',
  },
  tokenRate: { ...aRate, default: 6_000, help: 'enrollments a minute that may be tried with one token' },
  ...limitSettings,
  retention: {
    schema: retention,
    default: 365 * 86_400_000,
    defaultText: '365d',
    placeholder: '<duration>',
    takes: 'a duration from 7d to 100y, such as 365d, or forever',
    help: 'how long what has ended stays in the registry: certificates, tokens, requests, rows of the journal',
  },
  logLevel: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    default: 'info',
    placeholder: '<level>',
    takes: 'trace, debug, info, warn, error, fatal or silent',
    help: 'least level that is logged: trace, debug, info, warn, error, fatal or silent',
  },
  logFormat: {
    schema: z.enum(['json', 'text']),
    default: process.stderr.isTTY ? 'text' : 'json',
    defaultText: 'text on a terminal, else json',
    placeholder: '<format>',
    takes: 'json or text',
    help: 'json, or text for people',
  },
} as const satisfies Record<string, SettingRow>;

export type SettingName = keyof typeof settingsTable;
export type Settings = { readonly [Name in SettingName]: z.output<(typeof settingsTable)[Name]['schema']> };

export const settingNames = Object.keys(settingsTable) as SettingName[];

/** `enrollPort` → `--enroll-port` */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `enrollPort` → `GATEHOUSE_ENROLL_PORT` */
export function environmentVariableOf(name: SettingName): string {
  return `GATEHOUSE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * @param flags what the command line gave, by setting name; others may be present and are ignored
 * @param inUse what the process goes by, all of it unless it is said: only that is held against one another
 * @throws GatehouseError `setting_invalid`, naming the setting, where it came from and what it takes; `settings_conflict`;
 * `file_unreadable`
 */
export function readSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = process.env,
  inUse: readonly SettingName[] = settingNames,
): Settings {
  const fromFlagOrEnvironment = (name: SettingName) => {
    if (flags[name] !== undefined) return { value: flags[name], source: flagOf(name) };
    const variable = environmentVariableOf(name);
    const value = environment[variable];
    return value === undefined || value === '' ? undefined : { value, source: variable };
  };
  const data = String(fromFlagOrEnvironment('data')?.value ?? settingsTable.data.default);
  const file = readSettingsFile(join(data, 'gatehouse.yaml'));

  const settings: Partial<Record<SettingName, unknown>> = {};
  const sources = new Map<SettingName, string>();
  for (const name of settingNames) {
    const given =
      fromFlagOrEnvironment(name) ??
      (file.values[name] === undefined
        ? undefined
        : { value: file.values[name], source: `${name} in ${file.path}` });
    if (given === undefined) {
      settings[name] = settingsTable[name].default;
      continue;
    }
    const parsed = settingsTable[name].schema.safeParse(given.value);
    if (!parsed.success) {
      throw new GatehouseError(
        'setting_invalid',
        `${given.source} takes ${settingsTable[name].takes}, not ${quote(shown(given.value))}`,
      );
    }
    settings[name] = parsed.data;
    sources.set(name, `${given.source} is ${shown(given.value)}`);
  }
  const told = (name: SettingName) => sources.get(name) ?? `${flagOf(name)} is ${shownDefault(name)}`;
  const isGiven = (name: SettingName) => sources.has(name);
  refuseConflicts({ settings: settings as Settings, inUse, isGiven, told });
  return settings as Settings;
}

/** As it was understood. To JSON, what is beyond all numbers is null. */
function shown(value: unknown): string {
  const isPlain = typeof value === 'string' || typeof value === 'number';
  return isPlain ? String(value) : JSON.stringify(value);
}

/** For help and messages. */
export function shownDefault(name: SettingName): string {
  const { defaultText, default: value }: SettingRow = settingsTable[name];
  return defaultText ?? [value].flat().join(',');
}

function readSettingsFile(path: string): { path: string; values: Record<string, unknown> } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path, values: {} };
    throw unreadableFile(path, error);
  }
  let values: unknown;
  try {
    values = parseYaml(text) ?? {};
  } catch (error) {
    throw new GatehouseError('setting_invalid', `${path}: ${(error as Error).message}`, { cause: error });
  }
  if (typeof values !== 'object' || Array.isArray(values) || values === null) {
    throw new GatehouseError('setting_invalid', `${path} does not hold settings by name`);
  }
  const unknown = Object.keys(values).find((key) => !Object.hasOwn(settingsTable, key));
  if (unknown !== undefined) {
    throw new GatehouseError(
      'setting_invalid',
      `${path}: there is no setting "${unknown}"; there are ${settingNames.join(', ')}`,
    );
  }
  return { path, values: values as Record<string, unknown> };
}

/** The first advertised name, with the brackets that an IPv6 address needs in a URL. */
export function advertisedHost(settings: Settings): string {
  const [name = 'localhost'] = settings.hostname;
  return name.includes(':') ? `[${name}]` : name;
}
