/** Rows of the journal as people and programs are shown them. */
import { formatDuration } from '../core/duration.ts';
import type { JournalRow } from '../core/journal/events.ts';
import { renderTable, toTheSecond } from './table.ts';

const LONGEST_SHOWN = 40;
/** Of what concerns many: enough to know which it was. */
const NAMES_SHOWN = 3;
/** Values that are milliseconds since the Unix epoch. */
const TIMES: readonly string[] = ['notAfter', 'expiresAt', 'endedBefore'];
/** Values that are milliseconds. */
const DURATIONS: readonly string[] = ['renewalGrace'];

export function renderRows(rows: readonly JournalRow[], titled: boolean): string {
  const cells = rows.map(({ seq, time, actor, event }) => [
    seq,
    toTheSecond(iso(time)),
    actor,
    event.action,
    event.subject,
    summaryOf(event.data),
  ]);
  if (!titled) return cells.map((row) => renderTable(row.map(String), [])).join('\n');
  return renderTable(['SEQ', 'TIME', 'ACTOR', 'ACTION', 'SUBJECT', 'DATA'], cells);
}

/** A row with its times as everywhere in --json. What was hashed are milliseconds: `GET /api/v1/journal` has the rows so. */
export function rowForPrograms({ time, event, ...row }: JournalRow): object {
  const data = Object.entries(event.data).map(([name, value]) => [
    name,
    TIMES.includes(name) && typeof value === 'number' ? iso(value) : value,
  ]);
  return { ...row, time: iso(time), event: { ...event, data: Object.fromEntries(data) } };
}

/** The short values of an event, and of its lists how many there are and the first of them; all of it is for --json. */
function summaryOf(data: object): string {
  return Object.entries(data)
    .flatMap(([name, value]) => {
      const text = textOf(name, value);
      return text === null ? [] : [`${name}=${text}`];
    })
    .join(' ');
}

/** Null for what is too long to show. */
function textOf(name: string, value: unknown): string | null {
  if (Array.isArray(value)) return value.length === 0 ? null : listOf(value);
  if (typeof value === 'number' && TIMES.includes(name)) return toTheSecond(iso(value));
  if (typeof value === 'number' && DURATIONS.includes(name)) return value === 0 ? '0' : formatDuration(value);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  const text = String(value);
  return text.length <= LONGEST_SHOWN ? text : null;
}

/** `press-7,press-8,press-9,…(120)` */
function listOf(items: readonly unknown[]): string {
  const names = items.slice(0, NAMES_SHOWN).map(nameOf).join(',');
  return items.length > NAMES_SHOWN ? `${names},…(${items.length})` : names;
}

function nameOf(item: unknown): string {
  if (typeof item !== 'object' || item === null) return shortened(String(item));
  const { id, serialNumber, fingerprint }: Readonly<Record<string, unknown>> = { ...item };
  return shortened(String(id ?? serialNumber ?? fingerprint ?? '?'));
}

function shortened(name: string): string {
  return name.length <= LONGEST_SHOWN ? name : `${name.slice(0, 12)}…`;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
