/** What a command has of the process it runs in: a port, so that tests run commands without one. */
import { type StopRequests, stopRequests } from './stop-signal.ts';

export interface CommandIo {
  /** Without the names of node and of the executable. */
  readonly arguments: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** The script that was started, for commands that start it again. */
  readonly executable: string;
  /** Tells of each request to end: signals then end nothing by themselves. */
  readonly onStopRequest: StopRequests;
}

export interface TextStream {
  write(text: string): unknown;
  /** Whether a person watches. */
  readonly isTTY?: boolean;
  /** Of the terminal. */
  readonly columns?: number;
}

/** @param signals those that ask for a good end; the others keep what the system has them do */
export function processIo(signals: readonly NodeJS.Signals[]): CommandIo {
  return {
    arguments: process.argv.slice(2),
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    executable: process.argv[1] ?? '',
    onStopRequest: stopRequests(signals),
  };
}
