/** An import from the operator's side: sends the lines, shows how far it is, and reads how it ended. */
import type { ImportAnswer, ImportResult } from '../../core/api/import.ts';
import type { OperatorClient, Query } from '../operator-client.ts';
import { count, type Progress } from './progress.ts';
import { readAnswer } from './read-answer.ts';

const CHUNK = 64 * 1024;

export interface Sending {
  readonly api: OperatorClient;
  /** Behind /api/v1. */
  readonly path: string;
  readonly query: Query;
  /** JSON lines. */
  readonly lines: Uint8Array;
  readonly progress: Progress;
}

/** @throws ReportedError where the server refuses, then or later @throws GatehouseError `answer_incomplete` */
export async function sendImport({ api, path, query, lines, progress }: Sending): Promise<ImportResult> {
  const size = kilobytes(lines.length);
  const chunks = chunksOf(lines, (sent) => progress.show('sending', kilobytes(sent), size, ' KB'));
  const answers = api.exchange<ImportAnswer>(path, { chunks, length: lines.length }, query);
  try {
    return await readAnswer(answers, (written, of) => progress.show('writing', written, of));
  } finally {
    progress.end();
  }
}

/** `devices: 50,000 imported, 2 updated, 3 unchanged` */
export function renderResult({ imported, unchanged, updated, dryRun }: ImportResult, what: string): string {
  const [isImported, isUpdated] = dryRun ? ['to import', 'to update'] : ['imported', 'updated'];
  const counts = [
    `${count(imported)} ${isImported}`,
    ...(updated > 0 ? [`${count(updated)} ${isUpdated}`] : []),
    `${count(unchanged)} unchanged`,
  ];
  return `${dryRun ? 'dry run, ' : ''}${what}: ${counts.join(', ')}`;
}

/** The server takes each as soon as it can check it: what is sent is, but for a buffer, checked. */
function* chunksOf(bytes: Uint8Array, onSent: (sent: number) => void): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK) {
    onSent(from);
    yield bytes.subarray(from, from + CHUNK);
  }
}

function kilobytes(bytes: number): number {
  return Math.ceil(bytes / 1024);
}
