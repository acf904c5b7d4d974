/** Changes and imports of many: each schema is that of one line of the answer. */
import { z } from 'zod';
import type {
  ChangeCounts,
  ChangeResult,
  ChangingCertificate,
  ChangingDevice,
  RaisedReason,
} from '../../../core/api/bulk.ts';
import type { ImportResult } from '../../../core/api/import.ts';
import { type RevocationReason, revocationReasons } from '../../../core/pki/revocation-reason.ts';
import { NDJSON } from '../../bulk/ndjson.ts';
import { deviceStatus } from './devices.ts';
import { count, deviceId, type Fields, serialNumber } from './fields.ts';
import { problem } from './problem.ts';

interface Lines {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: unknown }>>;
}

const written = z.object({ written: count, of: count }).meta({ id: 'Progress' });
const failed = z.object({ problem }).meta({ id: 'Failure' });

const reason = z.enum(Object.keys(revocationReasons) as [RevocationReason, ...RevocationReason[]]);
const raised = { from: reason, to: reason } satisfies Fields<RaisedReason>;

const changingDevice = z
  .object({
    id: deviceId,
    status: deviceStatus,
    certificates: z.array(serialNumber).readonly(),
    raised: z
      .array(z.object({ serialNumber, ...raised }))
      .readonly()
      .optional()
      .describe('those that were revoked before, for less'),
  } satisfies Fields<ChangingDevice>)
  .meta({ id: 'ChangingDevice' });

const changingCertificate = z
  .object({
    serialNumber,
    device: deviceId.nullable(),
    raised: z.object(raised).optional().describe('where it was revoked before, for less'),
  } satisfies Fields<ChangingCertificate>)
  .meta({ id: 'ChangingCertificate' });

const changeResult = z
  .object({
    dryRun: z.boolean(),
    counts: z.object({
      devices: count,
      certificates: count,
      unchanged: count,
    } satisfies Fields<ChangeCounts>),
  } satisfies Fields<ChangeResult>)
  .meta({ id: 'ChangeResult' });

const importResult = z
  .object({
    imported: count,
    unchanged: count,
    updated: count,
    dryRun: z.boolean(),
  } satisfies Fields<ImportResult>)
  .meta({ id: 'ImportResult' });

/** As `ChangeAnswer` and `ImportAnswer` of core/api/ have them. */
const changeLine = z
  .union([
    written,
    z.object({ devices: z.array(changingDevice).readonly() }),
    z.object({ certificates: z.array(changingCertificate).readonly() }),
    z.object({ result: changeResult }),
    failed,
  ])
  .meta({ id: 'ChangeLine' });
const importLine = z.union([written, z.object({ result: importResult }), failed]).meta({ id: 'ImportLine' });

export const changeLines = linesOf(changeLine);
export const importLines = linesOf(importLine);

/** Typed as anything, since what handlers answer is the stream of these lines. */
function linesOf(schema: z.ZodType): Lines {
  const description = 'One JSON object a line, of this form; the last one is the result, or the problem';
  return { description, content: { [NDJSON]: { schema } } };
}
