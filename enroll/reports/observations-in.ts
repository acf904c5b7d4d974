/** From what the broker reports to what is written. Its word counts for no more than it can know: nothing is in the future. */
import type { CountedRefusal } from '../../core/observations/refusal.ts';
import type { Observations } from '../../registry/observations.ts';
import type { Report } from '../../registry/reports/report.ts';

type OfKind<Kind extends Report['kind']> = Extract<Report, { readonly kind: Kind }>;

/** Pure. @param now ms since the epoch */
export function observationsIn(reports: readonly Report[], now: number): Omit<Observations, 'report'> {
  const past = (time: number) => Math.min(time, now);
  const pastOrNull = (time: number | null) => (time === null ? null : past(time));
  const of = <Kind extends Report['kind']>(kind: Kind) =>
    reports.filter((report): report is OfKind<Kind> => report.kind === kind);
  const counted = <Counted extends CountedRefusal>(refusal: Counted): Counted => ({
    ...refusal,
    firstAt: Math.min(past(refusal.firstAt), past(refusal.lastAt)),
    lastAt: past(refusal.lastAt),
  });
  const run = of('run').at(-1);
  return {
    ...(run && {
      run: { startedAt: past(run.startedAt), lastAt: past(run.lastAt), endedAt: pastOrNull(run.endedAt) },
    }),
    sightings: of('sighting').map((sighting) => ({
      ...sighting,
      run: past(sighting.run),
      connectedAt: past(sighting.connectedAt),
      disconnectedAt: pastOrNull(sighting.disconnectedAt),
    })),
    refusals: of('refusal').map(counted),
    claims: of('claim').map(counted),
    strangers: of('stranger').map(counted),
  };
}
