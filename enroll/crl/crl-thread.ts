/**
 * The thread that builds CRLs: a list of 100,000 certificates takes a good part of a second, in which requests go on. It
 * reads the registry on a connection of its own, and never has a key.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { CrlRows } from '../../registry/sqlite/crl-rows.ts';
import { buildLists } from './build-lists.ts';
import type { Answered, Asked } from './lists-request.ts';

const rows = new CrlRows(workerData as string);

parentPort?.on('message', ({ id, request }: Asked) => {
  const answer = (answered: Answered, transferred: ArrayBuffer[]) =>
    parentPort?.postMessage(answered, transferred);
  try {
    const built = buildLists(rows, request);
    answer(
      { id, built },
      built.lists.map(({ room }) => room.buffer as ArrayBuffer),
    );
  } catch (error) {
    answer({ id, failure: error instanceof Error ? error.message : String(error) }, []);
  }
});
