/** The options by which `run` and `fleet` find their Gatehouse. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { GatehouseError } from '../../core/errors.ts';
import { urlWith } from '../../runtime/command-line/parsers.ts';
import { dataLayout } from '../../runtime/layout.ts';

export interface ServerOptions {
  readonly url: string;
  readonly ca: string;
  readonly token?: string;
  readonly mqttUrl?: string;
}

/** Where `gatehouse up` in the current folder leaves its root certificate. */
const DEFAULT_CA = dataLayout('data').rootCertificate;

export function addServerOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'device listener of Gatehouse')
        .env('GATEHOUSE_SIM_URL')
        .default('https://localhost:8443')
        .argParser(urlWith('https:')),
    )
    .addOption(
      new Option('--ca <file>', 'root certificate (PEM) that the servers must lead to')
        .env('GATEHOUSE_SIM_CA')
        .default(DEFAULT_CA),
    )
    .addOption(new Option('--token <token>', 'enrollment token').env('GATEHOUSE_SIM_TOKEN'))
    .addOption(
      new Option('--mqtt-url <url>', 'broker, instead of the address that enrollment answers with')
        .env('GATEHOUSE_SIM_MQTT_URL')
        .argParser(urlWith('mqtts:')),
    );
}

/** @returns PEM text @throws GatehouseError `file_unreadable`, with how to get the file */
export function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new GatehouseError(
      'file_unreadable',
      `${path} cannot be read; give the root certificate with --ca (gatehouse up prints where it is)`,
      { cause: error },
    );
  }
}
