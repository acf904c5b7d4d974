/** Changes that concern many, asked of a running enroll process as any client would. */
import type { ChangeAnswer, ChangeResult, ChangingCertificate, ChangingDevice } from '../../core/api/bulk.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { Answer, TestEnroll } from '../support/enroll-service.ts';

export interface Told {
  readonly status: number;
  /** Of a problem: of the whole answer, or in its last line. */
  readonly problem: Problem | undefined;
  readonly result: ChangeResult | undefined;
  readonly devices: readonly ChangingDevice[];
  readonly certificates: readonly ChangingCertificate[];
}

/** @param path behind /api/v1; with JSON */
export async function changeAll(
  service: TestEnroll,
  path: string,
  body: object,
  token = service.adminToken,
): Promise<Told> {
  return told(await service.operator<string & Problem>('POST', path, body, token));
}

/** @param path behind /api/v1, with its query @param lines JSON lines, or what each holds */
export async function changeListed(
  service: TestEnroll,
  path: string,
  lines: readonly object[] | string,
  token = service.adminToken,
): Promise<Told> {
  const body = typeof lines === 'string' ? lines : lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  return told(
    await service.call(`${service.adminUrl}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
      body,
    }),
  );
}

function told({ status, headers, body }: Answer<string & Problem>): Told {
  if (!String(headers['content-type']).startsWith('application/x-ndjson')) {
    return { status, problem: body, result: undefined, devices: [], certificates: [] };
  }
  const lines = String(body)
    .trimEnd()
    .split('\n')
    .map((line): ChangeAnswer => JSON.parse(line));
  const last = lines.at(-1);
  return {
    status,
    problem: last !== undefined && 'problem' in last ? last.problem : undefined,
    result: last !== undefined && 'result' in last ? last.result : undefined,
    devices: lines.flatMap((line) => ('devices' in line ? line.devices : [])),
    certificates: lines.flatMap((line) => ('certificates' in line ? line.certificates : [])),
  };
}
