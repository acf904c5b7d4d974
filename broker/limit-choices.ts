/** The limits that an operator has chosen, and what is to be said of those that are wider than they need be. */
import {
  type LimitSettingName,
  limitSettings,
  limitSettingNames as names,
} from '../runtime/limit-settings.ts';
import type { Logger } from '../runtime/log.ts';
import { flagOf, type Settings } from '../runtime/settings.ts';
import { type BrokerLimits, defaultLimits } from './limits.ts';
import { ENTRY_BYTES } from './persistence/sqlite/queue-table.ts';

interface Choice {
  readonly limit: keyof BrokerLimits;
  /** What is given up where it is more than by default. */
  readonly cost: string;
}

const ONE_ADDRESS = 'a flood from one address holds up the others for longer';

const choices: Readonly<Record<LimitSettingName, Choice>> = {
  maxConnections: {
    limit: 'connections',
    cost: 'each takes a file descriptor and, idle, some 75 KB of memory',
  },
  maxHandshakes: { limit: 'handshakes', cost: 'each takes longer where the processor is what they wait for' },
  maxHandshakesPerAddress: { limit: 'handshakesPerAddress', cost: ONE_ADDRESS },
  maxUnprovenPerAddress: { limit: 'unprovenPerAddress', cost: ONE_ADDRESS },
  maxFailuresPerAddress: { limit: 'failuresPerSecondPerAddress', cost: ONE_ADDRESS },
  maxWaiting: { limit: 'waiting', cost: 'each takes a file descriptor, whoever it is' },
  maxWaitingPerAddress: { limit: 'waitingPerAddress', cost: 'one address can take more of the line' },
  maxQueueMessages: { limit: 'queueMessages', cost: 'one session can take more of the disk' },
  maxQueueSize: { limit: 'queueBytes', cost: 'one session can take more of the disk' },
  maxQueuedSize: { limit: 'queuedBytes', cost: 'as much has to be free on the disk of the sessions' },
  maxCleanQueueSize: {
    limit: 'waitingBytes',
    cost: 'each clean session that does not read can take as much memory',
  },
};

export function limitsOf(settings: Pick<Settings, LimitSettingName>): BrokerLimits {
  const chosen = names.map((name) => [choices[name].limit, settings[name]]);
  return { ...defaultLimits, ...Object.fromEntries(chosen) };
}

/** @param openFiles how many the process may have; undefined where that is not known */
export function tellChoices(
  settings: Pick<Settings, LimitSettingName>,
  { openFiles, log }: { readonly openFiles: number | undefined; readonly log: Logger },
): void {
  for (const name of names) {
    const { default: usual } = limitSettings[name];
    if (settings[name] <= usual) continue;
    const { cost } = choices[name];
    log.warn(
      { setting: flagOf(name), value: settings[name], default: usual, cost },
      'a limit is wider than by default',
    );
  }
  const { maxConnections, maxQueueMessages, maxQueueSize } = settings;
  // An empty message takes its place in the queue and its topic. By default there is room for all.
  if (
    maxQueueMessages > limitSettings.maxQueueMessages.default &&
    maxQueueMessages * ENTRY_BYTES > maxQueueSize
  ) {
    log.warn(
      {
        setting: flagOf('maxQueueMessages'),
        value: maxQueueMessages,
        [flagOf('maxQueueSize')]: maxQueueSize,
      },
      'as many messages never wait for a session: their places alone would take more than its queue may',
    );
  }
  // Not of the default, which is no promise: small machines have fewer, and need no more.
  if (openFiles === undefined || maxConnections === limitSettings.maxConnections.default) return;
  if (maxConnections + FILES_BESIDE <= openFiles) return;
  log.warn(
    { setting: flagOf('maxConnections'), value: maxConnections, openFiles },
    'the process may not open as many files: raise LimitNOFILE, or ulimit -n',
  );
}

/** Databases, logs and whoever waits in line. */
const FILES_BESIDE = 1_000;
