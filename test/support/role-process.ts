/** `gatehouse enroll` and `gatehouse broker`, each as a process of its own, to be killed. Runs on the build. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { executable } from './gatehouse.ts';

export interface EnrollProcess {
  readonly child: ChildProcess;
  readonly enrollUrl: string;
  readonly adminUrl: string;
  readonly statusUrl: string;
}

export interface BrokerProcess {
  readonly child: ChildProcess;
  readonly mqttUrl: string;
}

/** @param data a data folder that is there already */
export function startEnrollProcess(data: string): Promise<EnrollProcess> {
  return start<EnrollProcess>('enroll', data, ['enroll', 'status', 'admin']);
}

/** @param data a data folder that is there already */
export function startBrokerProcess(data: string): Promise<BrokerProcess> {
  return start<BrokerProcess>('broker', data, ['mqtt', 'metrics']);
}

/** Ends it without a word. It may have ended already, and then nobody hears of it any more. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function start<Started extends { readonly child: ChildProcess }>(
  role: string,
  data: string,
  listeners: readonly string[],
): Promise<Started> {
  const ports = listeners.flatMap((name) => [`--${name}-port`, '0']);
  const flags = ['--data', data, '--host', '127.0.0.1', '--log-level', 'fatal', ...ports];
  const child = spawn(process.execPath, [executable, role, '--json', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { ...JSON.parse(line), child };
}
