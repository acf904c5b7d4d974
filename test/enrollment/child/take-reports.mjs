// A follower of the broker's reports, to be killed: prints `running`, and then takes in what is there and comes.
// Arguments: the registry's file, the folder of the reports. Runs on the build (dist), as a process of its own.
import { ReportFollower } from '../../../dist/enroll/reports/report-follower.js';
import { openRegistry } from '../../../dist/registry/sqlite/open.js';

const [, , file, folder] = process.argv;
const clock = { now: () => Date.now() };
const registry = await openRegistry({ file, clock });
const log = { error: ({ err }, text) => process.stderr.write(`${text}: ${err}\n`) };
new ReportFollower({ registry, clock, folder, log });
process.stdout.write('running\n');
setInterval(() => {}, 1_000);
