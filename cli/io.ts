/** What a command has of the process it runs in: a port, so that tests run commands without one. */

export interface CommandIo {
  /** Without the names of node and of the executable. */
  readonly arguments: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly stdout: Writer;
  readonly stderr: Writer;
  /** The script that `gatehouse up` starts its processes with. */
  readonly executable: string;
  /** Calls `listener` whenever the process is asked to end: SIGINT (Ctrl-C) and SIGTERM then end nothing by themselves. */
  onEndSignal(listener: () => void): void;
}

interface Writer {
  write(text: string): unknown;
}

export const processIo: CommandIo = {
  arguments: process.argv.slice(2),
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  executable: process.argv[1] ?? '',
  onEndSignal(listener) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
  },
};
