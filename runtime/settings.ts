/**
 * The settings of both processes, read whole at start: flag, else environment, else gatehouse.yaml, else the
 * default. One table defines them; the flags, `--help` and the messages come from it. Unknown keys fail.
 */
import { readFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { GatehouseError } from '../core/errors.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const count = z.coerce.number().int().min(1);
const url = z.url({ protocol: /^(https?|mqtts)$/ });
const hostnames = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value),
  z.array(z.string().regex(/^[A-Za-z0-9.:-]+$/, 'a DNS name or an IP address')).min(1),
);

/** Each setting: its form, its default, and the sentence that `--help` shows. */
export const settingsTable = {
  data: {
    schema: z.string().min(1),
    default: './data',
    help: 'the folder that holds everything Gatehouse keeps',
  },
  host: {
    schema: z.string().min(1),
    default: '0.0.0.0',
    help: 'address that the device and MQTT listeners bind',
  },
  hostname: {
    schema: hostnames,
    default: ['localhost', '127.0.0.1', '::1', machineName()],
    help: 'names and addresses in the server certificates, the first one advertised; separate with commas',
  },
  enrollPort: { schema: port, default: 8443, help: 'HTTPS for devices: enrollment' },
  statusPort: { schema: port, default: 8080, help: 'HTTP, public: CA certificates, CRL, OCSP' },
  statusUrl: {
    schema: url.optional(),
    default: undefined,
    help: 'base of the CRL, OCSP and CA addresses in certificates (default: from hostname and status port)',
  },
  adminHost: {
    schema: z.string().min(1),
    default: '127.0.0.1',
    help: 'address that the operator listener binds',
  },
  adminPort: { schema: port, default: 9443, help: 'HTTPS for operators' },
  mqttPort: { schema: port, default: 8883, help: 'MQTT over mutual TLS' },
  mqttUrl: {
    schema: url.optional(),
    default: undefined,
    help: 'address of the broker that devices are told (default: from hostname and MQTT port)',
  },
  metricsHost: {
    schema: z.string().min(1),
    default: '127.0.0.1',
    help: "address that the broker's metrics listener binds",
  },
  metricsPort: { schema: port, default: 9464, help: 'HTTP: /metrics and /health of the broker' },
  passphraseFile: {
    schema: z.string().min(1).optional(),
    default: undefined,
    help: 'file with the passphrase of the CA keys (default: DATA/ca/passphrase)',
  },
  enrollRate: {
    schema: count,
    default: 6_000,
    help: 'requests a minute that one address may send to the device listener',
  },
  tokenRate: {
    schema: count,
    default: 6_000,
    help: 'enrollments a minute that may be tried with one token',
  },
  logLevel: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    default: 'info',
    help: 'least level that is logged',
  },
  logFormat: {
    schema: z.enum(['json', 'text']),
    default: process.stderr.isTTY ? 'text' : 'json',
    help: 'json, or text for people (default: text on a terminal)',
  },
} as const;

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
 * @throws GatehouseError `setting_invalid`, naming the setting, where it came from and what it takes
 */
export function readSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = process.env,
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
        `${given.source}: ${parsed.error.issues[0]?.message ?? 'not valid'}`,
      );
    }
    settings[name] = parsed.data;
  }
  return settings as Settings;
}

function readSettingsFile(path: string): { path: string; values: Record<string, unknown> } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path, values: {} };
    throw new GatehouseError('setting_invalid', `${path} cannot be read`, { cause: error });
  }
  let values: unknown;
  try {
    values = parseYaml(text) ?? {};
  } catch (error) {
    throw new GatehouseError('setting_invalid', `${path} is not YAML: ${(error as Error).message}`);
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
