/** Files that take long, first: whichever begins last is waited for alone. Jest knows of their times only where it has run before. */
import Sequencer from '@jest/test-sequencer';

/** Longest first, each some 6 s or more on two cores. */
const LONG = [
  'device-sim/demo.test.ts',
  'broker/limits.test.ts',
  'bench/enroll-benchmark.test.ts',
  'signer/refusals.test.ts',
  'housekeeping/years.test.ts',
  'broker/floods.test.ts',
  'device-sim/fleet.test.ts',
  'crl/publishing.test.ts',
  'enrollment/reports-killed.test.ts',
  'signer/keys-in-a-token.test.ts',
  'broker/resumption.test.ts',
  'cli/processes.test.ts',
  'device-sim/command-line.test.ts',
  'rollover/crash.test.ts',
  'signer/outage.test.ts',
  'bench/broker-benchmark.test.ts',
  'device-sim/renewal-kills.test.ts',
  'enrollment/observations.test.ts',
  'rollover/fleet.test.ts',
  'revocation/killed.test.ts',
  'bench/revocation-benchmark.test.ts',
  'broker/keep-alive.test.ts',
  'import/large.test.ts',
  'bench/cut-off-benchmark.test.ts',
  'est/approval.test.ts',
  'import/refusals.test.ts',
];

export default class LongFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const found = LONG.findIndex((file) => path.endsWith(`/test/${file}`));
      return found < 0 ? LONG.length : found;
    };
    return super.sort(tests).toSorted((one, other) => place(one) - place(other));
  }
}
