/** The revocation benchmark as a process, over numbers so small that its figures mean nothing. */
import { describe, expect, it } from '@jest/globals';
import type { Spread } from '../../bench/harness/statistics.ts';
import type { Report } from '../../bench/revocation/report.ts';
import { renderReport } from '../../bench/revocation/report-table.ts';
import { hasProgram } from '../support/external.ts';
import { runBenchmark } from './run-benchmark.ts';

const SMALL = [
  ...['--devices', '40', '--revoked', '8', '--rounds', '1', '--requests', '12', '--clients', '2'],
  ...['--revocations', '3', '--lists', '1'],
];

function expectSpread({ p50, p99, longest }: Spread) {
  expect(p50).toBeGreaterThan(0);
  expect(p99).toBeGreaterThanOrEqual(p50);
  expect(longest).toBeGreaterThanOrEqual(p99);
}

describe('the revocation benchmark', () => {
  it('reports OCSP beside its peer, revocations and lists, as JSON alone', async () => {
    const { failure, stdout, left } = await runBenchmark({
      benchmark: 'revocation',
      flags: [...SMALL, '--json'],
    });
    expect(failure).toBeNull();
    const report: Report = JSON.parse(stdout);
    const { ocsp, revocation, list, memory, load } = report;
    expect(renderReport(report)).not.toContain('NaN');
    const peer = hasProgram('openssl') ? ['openssl ocsp', 'openssl ocsp'] : [];
    expect(ocsp.map(({ server }) => server)).toEqual(['Gatehouse', 'Gatehouse', ...peer]);
    for (const one of ocsp) {
      expect(one.perSecond).toBeGreaterThan(0);
      expectSpread(one.latency);
      expect(one.toPeer !== null).toBe(one.server === 'Gatehouse' && peer.length > 0);
    }
    for (const spread of [revocation.latency, list.delay, list.wait]) expectSpread(spread);
    expect(list.bytes).toBeGreaterThan(8 * 16);
    expect(memory.residentBytes).toBeGreaterThan(1e6);
    expect(load).toMatchObject({ devices: 40, revoked: 8, revocations: 3, lists: 1 });
    expect(left).toEqual([]);
  });
});
