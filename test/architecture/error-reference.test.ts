/** docs/ERRORS.md says what the error table says. `UPDATE_DOCS=1 npm test` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { type ErrorCode, errorCatalog, GatehouseError } from '../../core/errors.ts';
import { problemOf } from '../../enroll/http/problem.ts';

const file = resolve(import.meta.dirname, '../../docs/ERRORS.md');

function rendered(): string {
  const rows = (Object.keys(errorCatalog) as ErrorCode[]).sort().map((code) => {
    const { title, remedy } = errorCatalog[code];
    const { status, body } = problemOf(new GatehouseError(code));
    const http = body.code === code ? String(status) : '–';
    return `| \`${code}\` | ${http} | ${title}. | ${remedy} |`;
  });
  return [
    '# Errors',
    '',
    'Every refusal carries one of these codes: in the problem details of an HTTP answer (RFC 9457, member `code`),',
    'on the standard error of a command, in the log and in the counters. Codes are stable: branch on them, not on',
    'the prose. A dash instead of an HTTP status marks a code that no HTTP listener answers.',
    '',
    '| code | HTTP | what it means | what to do |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

it('docs/ERRORS.md holds every code with its status, meaning and remedy', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, rendered());
  expect(readFileSync(file, 'utf8')).toBe(rendered());
});
