/** At a million rows a look-up must go through an index: SQLite's own plan of each statement says whether it does. */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { connectWriter } from '../../registry/sqlite/connection.ts';
import { CHANGED, REVOKED } from '../../registry/sqlite/crl-rows.ts';
import { prepareHousekeeping } from '../../registry/sqlite/housekeeping.ts';
import { migrate } from '../../registry/sqlite/migrate.ts';
import { prepareReads } from '../../registry/sqlite/read-statements.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = join(temporaryFolder(), 'registry.db');
new Sqlite(file).close();
const database = connectWriter(file);
migrate(database);

/** The steps of the plan, as `EXPLAIN QUERY PLAN` words them. */
function planOf(source: string): string[] {
  const explain = database.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${source}`);
  const positional = [...source.matchAll(/\?/g)].map(() => '1');
  const named = {
    group: 'g',
    status: 's',
    after: 'a',
    limit: 1,
    issuer: 'i',
    now: 1,
    since: 1,
    expiresFrom: 1,
    changedSince: 1,
    notAfter: 1,
    serialNumber: 's',
  };
  return explain.all(...positional, ...(source.includes('@') ? [named] : [])).map(({ detail }) => detail);
}

const { devices, ...others } = prepareReads(database);
const plans = Object.entries({ ...others, ...devices }).map(
  ([name, { source }]) => [name, planOf(source)] as const,
);

/** What operators keep few of, and list whole. */
const listedWhole = [
  'groups',
  'policies',
  'profiles',
  'tokens',
  'issuers',
  'crossCertificates',
  'operators',
  'manufacturers',
  'keptCrls',
];
/** What goes through all devices, and must not touch a table for it. */
const fleetWide = ['dependents', 'fleetProgress'];

describe('the plan of each look-up', () => {
  it.each(plans.filter(([name]) => ![...listedWhole, ...fleetWide, 'journalHead'].includes(name)))(
    '%s searches by index and reads no table through',
    (_name, plan) => {
      // A constant row is a SELECT of something else than a table, and what a subquery found has been searched for.
      const scanned = plan.filter((step) => /^SCAN (?!CONSTANT ROW|\(subquery)/.test(step));
      expect(scanned).toEqual([]);
      expect(plan.some((step) => step.startsWith('SEARCH'))).toBe(true);
    },
  );

  it.each(plans)('%s finds its rows in order', (_name, plan) => {
    expect(plan.filter((step) => step.includes('TEMP B-TREE'))).toEqual([]);
  });

  it('of devices goes by every filter that is given', () => {
    expect(planOf(devices.ofGroupAndStatus.source).join()).toContain('(group=? AND status=? AND id>?)');
    expect(planOf(devices.ofGroup.source).join()).toContain('(group=? AND id>?)');
    expect(planOf(devices.ofStatus.source).join()).toContain('(status=? AND id>?)');
  });

  it('of how many devices a group has looks at an index alone', () => {
    const [, plan = []] = plans.find(([name]) => name === 'countDevices') ?? [];
    expect(plan.join()).toContain(
      'USING COVERING INDEX devicesByGroupAndStatus (group=? AND status=? AND id>?)',
    );
  });

  it.each(plans.filter(([name]) => fleetWide.includes(name)))(
    '%s goes through one index, device by device',
    (_name, plan) => {
      const steps = plan.filter((step) => step.includes('certificates'));
      expect(steps).toEqual(['SEARCH certificates USING COVERING INDEX liveCertificates (device>?)']);
    },
  );

  it('of what is revoked with a device looks at nothing that has had its time', () => {
    const steps = planOf(others.revocableCertificates.source).filter((step) => step.startsWith('SEARCH'));
    expect(steps).toEqual([
      expect.stringContaining('USING INDEX liveCertificates (device=?)'),
      expect.stringContaining('USING INDEX supersededCertificates (device=? AND notAfter>?)'),
    ]);
  });

  it('of whether anything changed touches no table', () => {
    expect(planOf(others.statusChange.source).filter((step) => step.startsWith('SEARCH'))).toEqual([
      'SEARCH certificates USING COVERING INDEX statusChanges (issuer=? AND statusSeq>?)',
      'SEARCH certificates USING COVERING INDEX statusChanges (issuer=? AND statusSeq>?)',
    ]);
  });

  it('of what stands of an issuer goes on where the page before ended', () => {
    expect(planOf(others.liveCertificates.source)).toEqual([
      expect.stringContaining('USING INDEX standingCertificates (issuer=? AND rowid>?)'),
    ]);
  });
});

describe('the plan of what a CA issued and may be told of with more', () => {
  it('goes on where the page before ended, and sorts nothing', () => {
    expect(planOf(others.raisableByIssuer.source)).toEqual([
      expect.stringContaining('USING INDEX revokedCertificates (issuer=? AND (notAfter,serialNumber)>(?,?))'),
    ]);
  });
});

describe('what CRLs are built from', () => {
  it.each([
    ['REVOKED', 'COVERING INDEX revokedCertificates (issuer=? AND notAfter>?)'],
    ['CHANGED', 'COVERING INDEX statusChanges (issuer=? AND statusSeq>?)'],
  ] as const)('%s touches no table and sorts nothing', (name, step) => {
    expect(planOf({ REVOKED, CHANGED }[name])).toEqual([`SEARCH certificates USING ${step}`]);
  });
});

describe('the plan of what housekeeping does', () => {
  const { insertJournalArchive, ...statements } = prepareHousekeeping(database);
  const housekeeping = Object.entries(statements).map(
    ([name, { source }]) => [name, planOf(source)] as const,
  );

  it.each(housekeeping)('%s looks at no row that it need not', (_name, plan) => {
    expect(plan.filter((step) => step.startsWith('SCAN') || step.includes('TEMP B-TREE'))).toEqual([]);
  });

  it.each([
    ['ended', 'endedCertificates (notAfter<?)'],
    ['renewable', 'renewableCertificates (notAfter<?)'],
    ['forgetPredecessor', 'certificatesByRenewed (renews=?)'],
    ['removeRequestsOf', 'requestsByCertificate (serialNumber=?)'],
    ['expiredTokens', 'tokensByExpiry (expiresAt<?)'],
  ])('%s goes by the index made for it', (wanted, index) => {
    const [, plan = []] = housekeeping.find(([name]) => name === wanted) ?? [];
    expect(plan.join()).toContain(` INDEX ${index}`);
  });
});
