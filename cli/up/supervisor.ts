/**
 * `gatehouse up`: a whole Gatehouse on one machine, as the same two processes that run in production. They end
 * when this one does, however it ends; if one of them ends by itself, so does the other.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { dataLayout } from '../../runtime/layout.ts';
import { environmentVariableOf, readSettings, settingNames } from '../../runtime/settings.ts';
import type { CommandIo } from '../io.ts';
import type { Announcement, Remarks } from './announcement.ts';
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
  readonly announce: (announcement: Announcement, remarks: Remarks) => void;
}

const initialized = z.object({ generatedPassphraseFile: z.string().nullable() });
const brokerReady = z.object({ mqttUrl: z.string() });
const enrollReady = z.object({ enrollUrl: z.string(), statusUrl: z.string(), adminUrl: z.string() });

/** Resolves once `signal` asked for the end and all processes have ended; rejects if one ends by itself. */
export async function runUp({ flags, io, signal, force, announce }: UpOptions): Promise<void> {
  const settings = readSettings(flags, io.environment);
  const environment = { ...io.environment, ...asEnvironment(flags) };
  const group = new ProcessGroup({ executable: io.executable, environment, signal });
  force.addEventListener('abort', () => group.kill(), { once: true });
  try {
    // Step 1: a data folder, with a registry of this version.
    const generatedPassphraseFile = await prepareData(group, flags);
    // Step 2: the broker. Its port may be any free one, and enroll tells it to devices.
    const broker = brokerReady.parse(await group.start('broker', '--json'));
    const mqttUrl = settings.mqttUrl ?? broker.mqttUrl;
    // Step 3: enroll.
    const enroll = enrollReady.parse(await group.start('enroll', '--json', '--mqtt-url', mqttUrl));
    // Step 4: a token to enroll with.
    const { token, failure: tokenFailure } = await createFirstToken(settings.data, enroll.adminUrl);

    const layout = dataLayout(settings.data);
    const files = { caFile: resolve(layout.rootCertificate), adminTokenFile: resolve(layout.operator.token) };
    announce({ ready: true, ...enroll, mqttUrl, ...files, token }, { generatedPassphraseFile, tokenFailure });
    await group.untilOneEnds();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await group.stop();
  }
}

/** @returns where a passphrase was generated, if one was */
async function prepareData(
  group: ProcessGroup,
  flags: Readonly<Record<string, unknown>>,
): Promise<string | null> {
  // As a flag, init keeps the names for later starts.
  const hostname = flags.hostname === undefined ? [] : ['--hostname', String(flags.hostname)];
  const created = await group.run('init', '--if-new', '--json', ...hostname);
  if (created !== undefined) return initialized.parse(created).generatedPassphraseFile;
  await group.run('migrate');
  return null;
}

/** Every role reads the settings it knows from the environment, and so needs no list of its flags here. */
function asEnvironment(flags: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const given = settingNames.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(given.map((name) => [environmentVariableOf(name), String(flags[name])]));
}
