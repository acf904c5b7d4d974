/** `gatehouse housekeeping …`: what leaves the registry, and when. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { HousekeepingDue, HousekeepingRunView, HousekeepingView } from '../../core/api/housekeeping.ts';
import { formatDuration } from '../../core/duration.ts';
import { GatehouseError } from '../../core/errors.ts';
import type { CommandIo } from '../../runtime/command-line/io.ts';
import { addExamples } from '../../runtime/command-line/program.ts';
import type { OperatorClient } from '../operator-client.ts';
import { operatorCommand } from '../operator-command.ts';
import { toTheSecond } from '../table.ts';

const LOOK_MS = 500;
/** What is counted no further. */
const COUNTED = 10_000;

export function housekeepingCommands(housekeeping: Command, io: CommandIo): void {
  const status = housekeeping
    .command('status')
    .description('Shows what would leave the registry now, what did last time, and how large it is.');
  addExamples(status, ['gatehouse housekeeping status', 'gatehouse housekeeping status --json']);
  operatorCommand(status, io, async ({ api, output }) => {
    const view = await api.get<HousekeepingView>('/housekeeping');
    output.result(view, () => renderStatus(view));
  });

  const run = housekeeping
    .command('run')
    .description('Does now what is done every hour, and waits for its end. Ctrl-C ends the waiting alone.');
  addExamples(run, ['gatehouse housekeeping run']);
  operatorCommand(run, io, async ({ api, output }) => {
    const { lastRun } = await runToItsEnd(api);
    output.result(lastRun, () => renderRun(lastRun));
    if (lastRun.failure !== null) throw new GatehouseError('housekeeping_failed', lastRun.failure);
  });
}

async function runToItsEnd(
  api: OperatorClient,
): Promise<HousekeepingView & { readonly lastRun: HousekeepingRunView }> {
  let view = await api.post<HousekeepingView>('/housekeeping/run');
  while (view.running || view.lastRun === null) {
    await wait(LOOK_MS);
    view = await api.get<HousekeepingView>('/housekeeping');
  }
  return { ...view, lastRun: view.lastRun };
}

function renderStatus(view: HousekeepingView): string {
  const { retention, before, due, registry, lastRun, lastArchive, running } = view;
  const lines = [
    retention === null || before === null
      ? 'retention    forever'
      : `retention    ${formatDuration(retention * 1_000)}: what ended before ${toTheSecond(before)} goes`,
    due && `due          ${renderDue(due)}`,
    `registry     ${megabytes(registry.bytes)}, of which ${megabytes(registry.freeBytes)} are free`,
    `journal      ${lastArchive === null ? 'all of it in the registry' : `archived up to row ${lastArchive.lastSeq}`}`,
    running ? 'a run is under way' : null,
    lastRun && `last run     ${toTheSecond(lastRun.endedAt)}: ${renderRun(lastRun)}`,
  ];
  return lines.filter((line) => line !== null).join('\n');
}

function renderDue({ certificates, tokens, requests, journalRows }: HousekeepingDue): string {
  return `certificates: ${counted(certificates)}, tokens: ${counted(tokens)}, requests: ${counted(requests)}, journal rows: ${journalRows}`;
}

function renderRun({ certificates, tokens, requests, journalRows, failure }: HousekeepingRunView): string {
  const removed = `certificates: ${certificates}, tokens: ${tokens}, requests: ${requests}, journal rows: ${journalRows}`;
  return failure === null ? `removed ${removed}` : `removed ${removed}; then it failed: ${failure}`;
}

function counted(count: number): string {
  return count < COUNTED ? String(count) : `${count} or more`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
