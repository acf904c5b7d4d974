/** What a service has written into its journal for others; at moments of its own choosing it publishes CRLs too. */
import type { JournalRow } from '../../core/journal/events.ts';
import type { TestEnroll } from './enroll-service.ts';

/** All rows but those of CRLs, which tell nothing of what a test has just done. */
export async function journalWithoutLists(service: Pick<TestEnroll, 'operator'>): Promise<JournalRow[]> {
  const { body } = await service.operator<{ items: JournalRow[] }>('GET', '/journal?limit=10000');
  return body.items.filter(({ event }) => event.action !== 'crl.issued');
}
