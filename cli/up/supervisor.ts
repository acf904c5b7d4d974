/**
 * `gatehouse up`: a whole Gatehouse on one machine, as the same two processes that run in production. They end
 * when this one does, however it ends; if one of them ends by itself, so does the other.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { environmentVariableOf, readSettings, settingNames } from '../../runtime/settings.ts';
import type { Announcement } from './announcement.ts';
import { createFirstToken } from './first-token.ts';
import { ProcessGroup } from './process-group.ts';

export interface UpOptions {
  /** Settings as the command line gave them, by their names. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly io: CommandIo;
  /** Asks for the end. */
  readonly signal: AbortSignal;
  /** Asks for the end at once. */
  readonly force: AbortSignal;
  /** Whether to create a first enrollment token: not where what is announced ends up in a log. */
  readonly wantsToken: boolean;
  /** Told at once where a passphrase was generated, because none was given. */
  readonly onGeneratedPassphrase: (file: string) => void;
  /** @param tokenFailure why there is no enrollment token; null where none was wanted */
  readonly announce: (announcement: Announcement, tokenFailure: string | null) => void;
}

const initialized = z.object({ generatedPassphraseFile: z.string().nullable() });
const brokerReady = z.object({ mqttUrl: z.string(), wssUrl: z.string().optional() });
const enrollReady = z.object({ enrollUrl: z.string(), statusUrl: z.string(), adminUrl: z.string() });

/** Resolves once `signal` asked for the end and all processes have ended; rejects if one ends by itself. */
export async function runUp(options: UpOptions): Promise<void> {
  const { flags, io, signal, force, announce } = options;
  const settings = readSettings(flags, io.environment);
  const environment = { ...io.environment, ...asEnvironment(flags) };
  const group = new ProcessGroup({ executable: io.executable, environment, signal });
  force.addEventListener('abort', () => group.kill(), { once: true });
  try {
    // Step 1: a data folder, with a registry of this version and all that is kept beside it.
    await prepareData(group, options);
    // Step 2: the broker. Its port may be any free one, and enroll tells it to devices.
    const broker = brokerReady.parse(await group.start('broker', '--json'));
    const mqttUrl = settings.mqttUrl ?? broker.mqttUrl;
    // Step 3: enroll.
    const enroll = enrollReady.parse(await group.start('enroll', '--json', '--mqtt-url', mqttUrl));
    // Step 4: a token to enroll with.
    const { token, failure } = options.wantsToken
      ? await createFirstToken(settings.data, enroll.adminUrl)
      : { token: null, failure: null };

    const layout = dataLayout(settings.data);
    const files = { caFile: resolve(layout.rootCertificate), adminTokenFile: resolve(layout.operator.token) };
    const caFingerprint = new X509Certificate(readFileSync(files.caFile)).fingerprint256;
    const { wssUrl } = broker;
    const urls = { ...enroll, mqttUrl, ...(wssUrl !== undefined && { wssUrl }) };
    announce({ ready: true, ...urls, ...files, caFingerprint, token }, failure);
    await group.untilOneEnds();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await group.stop();
  }
}

async function prepareData(group: ProcessGroup, { flags, onGeneratedPassphrase }: UpOptions): Promise<void> {
  // As a flag, init keeps the names for later starts.
  const hostname = flags.hostname === undefined ? [] : ['--hostname', String(flags.hostname)];
  const created = await group.run('init', '--if-new', '--json', ...hostname);
  const generated = created === undefined ? null : initialized.parse(created).generatedPassphraseFile;
  if (generated !== null) onGeneratedPassphrase(generated);
  // Also restores what is missing in a folder that was there already.
  await group.run('migrate');
}

/** Every role reads the settings it knows from the environment, and so needs no list of its flags here. */
function asEnvironment(flags: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const given = settingNames.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(given.map((name) => [environmentVariableOf(name), String(flags[name])]));
}
