/** Shell scripts in a folder. What they talk to is in this process, so they are not waited for in place. */
import { execFile } from 'node:child_process';

/** @returns both streams; rejects with them where the script fails */
export function shellIn(folder: string) {
  return (script: string, environment: Readonly<Record<string, string>> = {}): Promise<string> => {
    const env = { ...process.env, ...environment };
    const options = { cwd: folder, env, encoding: 'utf8', timeout: 60_000 } as const;
    return new Promise((done, failed) => {
      execFile('bash', ['--norc', '-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
        if (error === null) done(stdout + stderr);
        else failed(new Error(`${error.message}\n${stdout}${stderr}`));
      });
    });
  };
}
