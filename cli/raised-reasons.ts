/** What people are told of certificates that were revoked before, for less: of them the reason alone changes. */
import type { ChangeReport, RaisedReason } from '../core/api/bulk.ts';
import { count } from './import/progress.ts';

/** Of all that a change concerns. */
export function raisedIn({
  devices,
  certificates,
}: Pick<ChangeReport, 'devices' | 'certificates'>): readonly RaisedReason[] {
  return [
    ...devices.flatMap(({ raised = [] }) => raised),
    ...certificates.flatMap(({ raised = [] }) => raised),
  ];
}

/** `; the reason of 2 certificates, revoked before, is raised from superseded to keyCompromise`; '' where none is. */
export function raisedClause(
  raised: readonly RaisedReason[],
  { dryRun }: { readonly dryRun: boolean },
): string {
  if (raised.length === 0) return '';
  const [from, to] = [listOf(raised.map((one) => one.from)), listOf(raised.map((one) => one.to))];
  const certificates = `${count(raised.length)} certificate${raised.length === 1 ? '' : 's'}`;
  const verb = dryRun ? 'would be' : 'is';
  return `; the reason of ${certificates}, revoked before, ${verb} raised from ${from} to ${to}`;
}

function listOf(reasons: readonly string[]): string {
  return [...new Set(reasons)].toSorted().join(' and ');
}
