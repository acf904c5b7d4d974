/**
 * Settings that are each valid, and cannot both hold. The broker would go by the narrower one, and whoever chose the other would
 * learn of that in the outage that it was chosen for.
 */
import { isIPv6 } from 'node:net';
import { GatehouseError } from '../core/errors.ts';
import type { LimitSettingName } from './limit-settings.ts';
import type { SettingName, Settings } from './settings.ts';

export interface ConflictCheck {
  readonly settings: Settings;
  /** What the process goes by: what else the environment or the file may say is for others. */
  readonly inUse: readonly SettingName[];
  /** Whether somebody has chosen it: a default gives way to whatever is chosen beside it. */
  readonly isGiven: (name: SettingName) => boolean;
  /** `--max-waiting is 10`, by where it was given. */
  readonly told: (name: SettingName) => string;
}

/** @throws GatehouseError `settings_conflict`, naming both settings and what they have to do with one another */
export function refuseConflicts({ settings, inUse, isGiven, told }: ConflictCheck): void {
  const refuse = (one: SettingName, other: SettingName, because: string) => {
    throw new GatehouseError('settings_conflict', `${told(one)}, and ${told(other)}: ${because}`);
  };
  for (const [part, whole, because] of parts) {
    if (inUse.includes(part) && isGiven(part) && settings[part] > settings[whole])
      refuse(part, whole, because);
  }
  const open = listeners.filter(([port]) => inUse.includes(port) && (settings[port] ?? 0) !== 0);
  for (const [index, [port, host]] of open.entries()) {
    for (const [other, otherHost] of open.slice(0, index)) {
      if (settings[port] === settings[other] && overlap(settings[host], settings[otherHost]))
        refuse(port, other, 'a port is for one of them');
    }
  }
}

const OF_ALL = 'the former are among the latter, and never as many';

/** The first is a part of the second, which bounds it. */
const parts: readonly (readonly [LimitSettingName, LimitSettingName, because: string])[] = [
  ['maxHandshakesPerAddress', 'maxHandshakes', OF_ALL],
  ['maxHandshakesPerAddress', 'maxUnprovenPerAddress', OF_ALL],
  ['maxHandshakes', 'maxConnections', OF_ALL],
  ['maxUnprovenPerAddress', 'maxConnections', OF_ALL],
  ['maxWaitingPerAddress', 'maxWaiting', OF_ALL],
  ['maxWaitingPerAddress', 'maxConnections', OF_ALL],
  ['maxWaiting', 'maxConnections', OF_ALL],
  ['maxQueueSize', 'maxQueuedSize', 'one queue is among all of them, and never as large'],
];

type PortName = Extract<SettingName, `${string}Port`>;
/** Each with the address that it is opened at. */
const listeners: readonly (readonly [PortName, 'host' | 'adminHost' | 'metricsHost'])[] = [
  ['enrollPort', 'host'],
  ['statusPort', 'host'],
  ['adminPort', 'adminHost'],
  ['mqttPort', 'host'],
  ['wssPort', 'host'],
  ['metricsPort', 'metricsHost'],
];

/** Whether one port cannot be opened at both: `::` is all addresses, `0.0.0.0` all of IPv4. */
function overlap(one: string, other: string): boolean {
  const both = [one, other];
  if (one === other || both.includes('::')) return true;
  return both.includes('0.0.0.0') && !both.some(isIPv6);
}
