/** `gatehouse enroll` as a process of its own, to be killed. Runs on the build. */
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

/** @param data a data folder that is there already */
export async function startEnrollProcess(data: string): Promise<EnrollProcess> {
  const ports = ['--enroll-port', '0', '--status-port', '0', '--admin-port', '0'];
  const flags = ['--data', data, '--host', '127.0.0.1', '--log-level', 'error', ...ports];
  const child = spawn(process.execPath, [executable, 'enroll', '--json', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, ...(JSON.parse(line) as Omit<EnrollProcess, 'child'>) };
}
