/** Imports at a running enroll process, over HTTP as any client would send them. */
import { expect } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { ImportProblem, ImportResult } from '../../core/api/import.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import type { Answer, TestEnroll } from '../support/enroll-service.ts';

export interface ImportOptions {
  /** `update=true`, `dryRun=true` */
  readonly query?: string;
  readonly token?: string;
  readonly contentType?: string;
}

export type ImportAnswered = Answer<ImportProblem & string>;

/** @param body JSON lines @param kind of what is imported */
export async function send(
  service: TestEnroll,
  body: string | Buffer,
  { query = '', token = service.adminToken, contentType = 'application/x-ndjson' }: ImportOptions = {},
  kind = 'devices',
): Promise<ImportAnswered> {
  return service.call(`${service.adminUrl}/api/v1/${kind}/import?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
    body,
  });
}

/** The same of values, and successful. */
export async function imported(
  service: TestEnroll,
  values: readonly object[],
  query = '',
  kind = 'devices',
): Promise<ImportResult> {
  const answer = await send(service, linesOf(values), { query }, kind);
  expect([answer.status, answer.headers['content-type']]).toEqual([
    200,
    expect.stringMatching(/^application\/x-ndjson/),
  ]);
  return resultIn(answer);
}

/** What the last line of a good answer says. */
export function resultIn({ body }: Answer<unknown>): ImportResult {
  const lines = String(body).trimEnd().split('\n');
  const { result } = JSON.parse(lines.at(-1) ?? '');
  return result;
}

export function linesOf(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

export async function deviceOf(service: TestEnroll, id: string): Promise<DeviceDetail> {
  return (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body;
}

/** Rows after `seq` that somebody else than Gatehouse itself brought about, at most 10,000. */
export async function changesAfter(service: TestEnroll, seq: number): Promise<readonly JournalRow[]> {
  return (await journalOf(service, seq)).filter(({ actor }) => actor !== 'system');
}

/** `seq` of the last of them. */
export async function lastChange(service: TestEnroll): Promise<number> {
  return (await changesAfter(service, 0)).at(-1)?.seq ?? 0;
}

export async function journalOf(service: TestEnroll, after = 0): Promise<readonly JournalRow[]> {
  const path = `/journal?limit=10000&after=${after}`;
  return (await service.operator<{ items: JournalRow[] }>('GET', path)).body.items;
}
