/** How every call is refused (RFC 9457). */
import { z } from 'zod';
import type { ImportProblem, LineError } from '../../../core/api/import.ts';
import type { Problem } from '../../../core/api/problem.ts';
import { count, type Fields } from './fields.ts';

const lineError = z
  .object({
    line: z.int().min(1),
    code: z.string(),
    detail: z.string(),
  } satisfies Fields<LineError>)
  .meta({ id: 'LineError' });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('stable; docs/ERRORS.md lists them'),
    remedy: z.string(),
    errors: z
      .array(lineError)
      .readonly()
      .optional()
      .describe('of a list that is refused, the first of its lines'),
    errorCount: count.optional().describe('of all lines'),
  } satisfies Fields<Problem & ImportProblem>)
  .meta({ id: 'Problem' });
