/** An executable whose roles do as a script says: what `gatehouse up` does when they fail, die or linger. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a role does when it is started. */
export interface Role {
  /** Lines for its standard output. */
  readonly says?: readonly object[];
  /** Ends with this code right after; otherwise it stays until its standard input ends, once it said something. */
  readonly exits?: number;
  /** Is gone once this file is there, as if it had crashed. */
  readonly crashesWhen?: string;
}

export interface Started {
  readonly role: string;
  readonly flags: readonly string[];
  readonly pid: number;
  readonly environment: Readonly<Record<string, string>>;
}

const SCRIPT = `
import { appendFileSync, existsSync } from 'node:fs';
const [role, ...flags] = process.argv.slice(2);
const trace = (line) => appendFileSync(process.env.TEST_TRACE, JSON.stringify(line) + '\\n');
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('GATEHOUSE_')));
trace({ started: { role, flags, pid: process.pid, environment } });
const { says = [], exits, crashesWhen } = JSON.parse(process.env.TEST_ROLES)[role] ?? { exits: 0 };
for (const line of says) console.log(JSON.stringify(line));
if (exits === undefined && says.length === 0) setInterval(() => undefined, 1000);
else if (exits === undefined) {
  process.stdin.on('end', () => { trace({ ended: role }); process.exit(0); }).resume();
  process.on('SIGINT', () => undefined);
  if (crashesWhen) setInterval(() => existsSync(crashesWhen) && process.exit(3), 5);
} else process.exitCode = exits;
`;

export class ScriptedRoles {
  readonly executable: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly #trace: string;

  constructor(folder: string, name: string, roles: Readonly<Record<string, Role>>) {
    this.executable = join(folder, 'roles.mjs');
    this.#trace = join(folder, `${name}.trace`);
    writeFileSync(this.executable, SCRIPT);
    this.environment = { TEST_TRACE: this.#trace, TEST_ROLES: JSON.stringify(roles) };
  }

  /** In the order in which they were started. */
  started(): Started[] {
    return this.#lines().flatMap(({ started }) => (started === undefined ? [] : [started]));
  }

  /** Those that ended because they were asked to. */
  ended(): string[] {
    return this.#lines().flatMap(({ ended }) => (ended === undefined ? [] : [ended]));
  }

  /** Those that still run. */
  running(): string[] {
    return this.started().flatMap(({ role, pid }) => (isRunning(pid) ? [role] : []));
  }

  #lines(): { readonly started?: Started; readonly ended?: string }[] {
    if (!existsSync(this.#trace)) return [];
    const lines = readFileSync(this.#trace, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
