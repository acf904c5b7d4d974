/** Builds CRLs without a thread: to start one takes longer than all that most tests do to a service. */
import { buildLists } from '../../enroll/crl/build-lists.ts';
import type { OpenListBuilder } from '../../enroll/crl/crl-thread-client.ts';
import { CrlRows } from '../../registry/sqlite/crl-rows.ts';

export const buildListsHere: OpenListBuilder = (database) => {
  const rows = new CrlRows(database);
  return {
    build: async (request) => buildLists(rows, request),
    close: async () => rows.close(),
  };
};
