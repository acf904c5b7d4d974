/** What a broker has reported, as enroll would read it, without enroll. */
import { readNextReport } from '../../registry/reports/reader.ts';
import type { Report } from '../../registry/reports/report.ts';
import type { Fleet } from './fleet.ts';

type OfKind<Kind extends Report['kind']> = Extract<Report, { readonly kind: Kind }>;

/** All that waits to be taken in, in order. */
function reportsIn(folder: string, taken: number): { readonly files: Report[][]; readonly last: number } {
  const files: Report[][] = [];
  let last = taken;
  for (let file = readNextReport(folder, last); file !== undefined; file = readNextReport(folder, last)) {
    if (file.problem !== null) throw new Error(file.problem);
    files.push([...file.reports]);
    last = file.number;
  }
  return { files, last };
}

export function filesIn(folder: string): readonly (readonly Report[])[] {
  return reportsIn(folder, 0).files;
}

export async function reported<Kind extends Report['kind']>(
  fleet: Fleet,
  kind: Kind,
): Promise<OfKind<Kind>[]> {
  const { files } = reportsIn(fleet.layout.reports, await fleet.registry.observations.lastReport());
  return files.flat().filter((report): report is OfKind<Kind> => report.kind === kind);
}

/** What enroll does when it has read all that is there: it takes it for read. */
export async function takeReports(fleet: Fleet): Promise<void> {
  const { last } = reportsIn(fleet.layout.reports, await fleet.registry.observations.lastReport());
  await fleet.registry.observe({ report: last });
}
