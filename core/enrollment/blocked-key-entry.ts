/** A line of a block-list: the public key that is meant, and why. */
import { z } from 'zod';
import { GatehouseError } from '../errors.ts';
import { type Fingerprint, parseFingerprint } from '../ids.ts';

export interface BlockedKeyEntry {
  /** SHA-256 over the SubjectPublicKeyInfo. */
  readonly fingerprint: Fingerprint;
  readonly note: string;
}

/** A line of a list. */
export const blockedKeyLine = z.strictObject({
  fingerprint: z.string(),
  note: z.string().max(200).default(''),
});

/**
 * @param value from a stranger, as JSON.parse returned it
 * @throws GatehouseError `entry_invalid`, `fingerprint_invalid`
 */
export function parseBlockedKeyEntry(value: unknown): BlockedKeyEntry {
  const { success, data, error } = blockedKeyLine.safeParse(value);
  if (!success) throw new GatehouseError('entry_invalid', problemOf(error));
  return { fingerprint: parseFingerprint(data.fingerprint), note: data.note };
}

function problemOf({ issues: [issue] }: z.ZodError): string {
  const where = issue === undefined || issue.path.length === 0 ? 'the entry' : issue.path.join('.');
  return `${where}: ${issue?.message ?? 'not of this form'}`;
}
