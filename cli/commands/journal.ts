/** `gatehouse journal …`: what happened, who did it, and the proof that nobody rewrote it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { JournalArchiveView } from '../../core/api/housekeeping.ts';
import type { ChainHead } from '../../core/journal/chain.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import { listenForStop } from '../../runtime/command-line/stop-signal.ts';
import { renderRows, rowForPrograms } from '../journal-rows.ts';
import type { OperatorClient } from '../operator-client.ts';
import { operatorCommand } from '../operator-command.ts';
import { parseChainHead, parseSeq } from '../option-parsers.ts';

const FOLLOW_INTERVAL_MS = 500;

export function journalCommands(journal: Command, io: CommandIo): void {
  const list = journal
    .command('list')
    .description(
      'Lists the journal, oldest first, and says where older rows are that were archived. With --follow, each row as it comes, until Ctrl-C; with --json then one row a line.',
    )
    .option('--after <seq>', 'only rows after this one', parseSeq)
    .option('--about <name>', 'only rows about this device, group, key, serial number …, imports included')
    .option('--follow', 'go on with what happens from now on');
  addExamples(list, [
    'gatehouse journal list',
    'gatehouse journal list --about press-7',
    'gatehouse journal list --after 1200 --follow --json',
  ]);
  operatorCommand<[], { after?: number; about?: string; follow?: boolean }>(
    list,
    io,
    async ({ api, output }, { after = 0, about, follow = false }) => {
      const isMeant = ({ event }: JournalRow) => about === undefined || holds(event, about);
      if (follow) {
        const { signal, release } = listenForStop(io.onStopRequest);
        try {
          for await (const rows of following(api, after, signal)) {
            for (const row of rows.filter(isMeant)) {
              output.result(rowForPrograms(row), () => renderRows([row], false));
            }
          }
        } finally {
          release();
        }
        return;
      }
      const rows: JournalRow[] = [];
      let first: number | undefined;
      for await (const page of api.pages<JournalRow>('/journal', { after })) {
        first ??= page[0]?.seq;
        rows.push(...page.filter(isMeant));
      }
      output.result(rows.map(rowForPrograms), () => renderRows(rows, true));
      if (first !== undefined && first > after + 1) output.note(whereAreRows(after + 1, first - 1));
    },
  );

  const verify = journal
    .command('verify')
    .description(
      'Reads the whole journal and verifies its hash chain here, without trusting the server. Note the head that it prints and give it as --expect next time: that also finds rows cut off the end. Rows that have left the registry are verified from the files of --archives.',
    )
    .option('--archives <dir>', 'the folder with the archives of the journal: DATA/archive, or a copy of it')
    .option('--expect <seq:hash>', 'a head noted earlier, which the journal must still hold', parseChainHead);
  addExamples(verify, [
    'gatehouse journal verify',
    'gatehouse journal verify --archives data/archive',
    'gatehouse journal verify --expect 1204:9f86d08…',
  ]);
  operatorCommand<[], { archives?: string; expect?: ChainHead }>(
    verify,
    io,
    async ({ api, output }, { archives: folder, expect: expected }) => {
      const { verifyArchivedJournal } = await import('../archived-journal.ts');
      const source = {
        async archives() {
          const listed: JournalArchiveView[] = [];
          for await (const page of api.pages<JournalArchiveView>('/journal/archives')) listed.push(...page);
          return listed;
        },
        rows: (after: number) => api.pages('/journal', { after }),
      };
      const { head, from, archives, unread } = await verifyArchivedJournal(source, { folder, expected });
      const rows = head.seq - from + 1;
      output.result({ verified: true, rows, from, archives, unreadArchives: unread, head }, () =>
        [
          from === 1
            ? `the journal verifies: ${rows} rows`
            : `the journal verifies from row ${from} on: ${rows} rows`,
          ...(unread === 0
            ? []
            : [`not verified: rows 1 to ${from - 1}, which are in ${unread} archives (see --archives)`]),
          `head ${head.seq}:${head.hash}`,
        ].join('\n'),
      );
    },
  );
}

function whereAreRows(from: number, to: number): string {
  return `rows ${from} to ${to} have left the registry: they are in the archives of the journal, DATA/archive on the host of enroll (zcat shows them, gatehouse journal verify --archives DIR verifies them)`;
}

/** Rows after `seq`, then new ones as they come, until `end`. */
async function* following(
  api: OperatorClient,
  seq: number,
  end: AbortSignal,
): AsyncGenerator<readonly JournalRow[]> {
  let after = seq;
  while (!end.aborted) {
    for await (const rows of api.pages<JournalRow>('/journal', { after })) {
      yield rows;
      after = rows.at(-1)?.seq ?? after;
    }
    await wait(FOLLOW_INTERVAL_MS, undefined, { signal: end }).catch(() => undefined);
  }
}

/** Whether this very text is the value of something within. */
function holds(value: unknown, text: string): boolean {
  if (typeof value !== 'object' || value === null) return value === text;
  return Object.values(value).some((within) => holds(within, text));
}
