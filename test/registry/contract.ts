/** What every registry must do, whatever stores it: one suite, written against the port alone. */
import { afterEach, beforeEach, describe } from '@jest/globals';
import { describeCertificateLookUps } from './contract/certificate-look-ups.ts';
import { describeCertificateStatus } from './contract/certificate-status.ts';
import { describeCertificates } from './contract/certificates.ts';
import { describeDevices } from './contract/devices.ts';
import { describeEnrollmentWays } from './contract/enrollment-ways.ts';
import { describeFleetProgress } from './contract/fleet-progress.ts';
import { describeGroupCommit } from './contract/group-commit.ts';
import { describeHousekeeping } from './contract/housekeeping.ts';
import { describeIssuers } from './contract/issuers.ts';
import { describeJournal } from './contract/journal.ts';
import { describeObservations } from './contract/observations.ts';
import { describeRecords } from './contract/records.ts';
import { describeRefusals } from './contract/refusals.ts';
import { describeTokens } from './contract/tokens.ts';
import { describeTransactions } from './contract/transactions.ts';
import { describeWatch } from './contract/watch.ts';
import { type OpenRegistry, World } from './contract/world.ts';
import { seed } from './samples.ts';

/** @param open a new, empty registry at each call */
export function describeRegistry(name: string, open: OpenRegistry): void {
  describe(`registry: ${name}`, () => {
    const world = new World();

    beforeEach(async () => {
      await world.begin(open);
      await seed(world.registry);
    });

    afterEach(() => world.end());

    describeRecords(world);
    describeIssuers(world);
    describeDevices(world);
    describeCertificates(world);
    describeCertificateLookUps(world);
    describeCertificateStatus(world);
    describeFleetProgress(world);
    describeObservations(world);
    describeRefusals(world);
    describeTokens(world);
    describeEnrollmentWays(world);
    describeTransactions(world);
    describeGroupCommit(world);
    describeJournal(world);
    describeHousekeeping(world);
    describeWatch(world);
  });
}
