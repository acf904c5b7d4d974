/** Processes of their own that write to a registry: the scripts in child/, run on the build. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const here = import.meta.dirname;

export interface Child {
  /** What it has printed so far, line by line. */
  readonly lines: readonly string[];
  /** Resolves once it has printed as many lines, or has ended. */
  printed(count: number): Promise<void>;
  say(line: string): void;
  kill(): Promise<void>;
  /** Resolves when it has ended by itself. */
  ended(): Promise<void>;
}

/**
 * @param script a file in child/
 * @param limit the size in blocks of 512 bytes beyond which it cannot write any file (POSIX `ulimit -f`)
 */
export function startChild(script: string, file: string, limit?: number): Child {
  if (!existsSync(join(here, '../../dist/registry/sqlite/open.js')))
    throw new Error('Run npm run build first');
  const command = [process.execPath, join(here, 'child', script), file];
  const child =
    limit === undefined
      ? spawn(process.execPath, command.slice(1))
      : spawn('sh', ['-c', `ulimit -f ${limit} && exec "$@"`, 'sh', ...command]);
  return follow(child);
}

function follow(child: ChildProcessWithoutNullStreams): Child {
  const lines: string[] = [];
  const errors: string[] = [];
  const closed = once(child, 'close');
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  child.stderr.on('data', (data) => errors.push(String(data)));
  return {
    lines,
    async printed(count) {
      while (lines.length < count && child.exitCode === null) {
        await Promise.race([once(output, 'line'), closed]);
      }
      if (errors.length > 0) throw new Error(errors.join(''));
    },
    say: (line) => child.stdin.write(`${line}\n`),
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
    async ended() {
      await closed;
      if (errors.length > 0) throw new Error(errors.join(''));
    },
  };
}
