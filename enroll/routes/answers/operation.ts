/** Operators, the journal and housekeeping, as they are answered. */
import { z } from 'zod';
import type {
  HousekeepingDue,
  HousekeepingRunView,
  HousekeepingView,
  JournalArchiveView,
} from '../../../core/api/housekeeping.ts';
import type { OperatorCreated, OperatorView } from '../../../core/api/operators.ts';
import type { JournalEvent, JournalRow } from '../../../core/journal/events.ts';
import { count, type Fields, name, time } from './fields.ts';

const hash = z.string().describe('SHA-256, hex');

export const operator = z
  .object({
    name,
    role: z.enum(['viewer', 'operator', 'admin']),
    createdAt: time,
  } satisfies Fields<OperatorView>)
  .meta({ id: 'Operator' });

export const operatorCreated = operator
  .extend({
    token: z.string().describe('shown this once'),
  } satisfies Fields<Omit<OperatorCreated, keyof OperatorView>>)
  .meta({ id: 'OperatorCreated' });

/** As it was hashed, times included. */
const journalRow = z
  .object({
    seq: count,
    time: z.int().describe('ms since the Unix epoch, as it was hashed'),
    actor: z.string(),
    event: z.object({
      action: z.string(),
      subject: z.string(),
      data: z.unknown().meta({ type: 'object' }),
    } satisfies Fields<JournalEvent>),
    previousHash: hash,
    hash,
  } satisfies Fields<JournalRow>)
  .meta({ id: 'JournalRow' });

export const journal = z.object({ items: z.array(journalRow).readonly(), next: count.nullable() });

const archive = z
  .object({
    firstSeq: count,
    lastSeq: count,
    lastHash: hash,
    file: z.string(),
    sha256: hash,
    bytes: count,
    archivedAt: time,
  } satisfies Fields<JournalArchiveView>)
  .meta({ id: 'JournalArchive' });

export const archives = z.object({ items: z.array(archive).readonly(), next: count.nullable() });

const run = z
  .object({
    startedAt: time,
    endedAt: time,
    certificates: count,
    tokens: count,
    tokenUses: count,
    requests: count,
    journalRows: count,
    archives: count,
    failure: z.string().nullable(),
  } satisfies Fields<HousekeepingRunView>)
  .meta({ id: 'HousekeepingRun' });

export const housekeeping = z
  .object({
    retention: count.nullable().describe('seconds'),
    before: time.nullable(),
    running: z.boolean(),
    lastRun: run.nullable(),
    due: z
      .object({
        certificates: count,
        tokens: count,
        requests: count,
        journalRows: count,
      } satisfies Fields<HousekeepingDue>)
      .nullable(),
    registry: z.object({ bytes: count, freeBytes: count } satisfies Fields<HousekeepingView['registry']>),
    lastArchive: archive.nullable(),
  } satisfies Fields<HousekeepingView>)
  .meta({ id: 'Housekeeping' });
