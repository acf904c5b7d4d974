/** The enrollment benchmark as a process, over numbers so small that its figures mean nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Report, SeriesReport } from '../../bench/enroll/report.ts';
import { dataLayout } from '../../runtime/layout.ts';
import { hasProgram } from '../support/external.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Run, runBenchmark, WITHOUT_PROGRAMS } from './run-benchmark.ts';

const folder = temporaryFolder();
const SMALL = ['--rounds', '2', '--requests', '6', '--handshakes', '3', '--clients', '2'];
const run = (options: Omit<Run, 'benchmark'>) => runBenchmark({ benchmark: 'enroll', ...options });

function expectFigures({ perSecond, perSecondByRound, cpuMilliseconds, latency, ...others }: SeriesReport) {
  expect(perSecond).toBeGreaterThan(0);
  expect(perSecondByRound).toHaveLength(2);
  expect(cpuMilliseconds).toBeGreaterThanOrEqual(0);
  expect(latency.p50).toBeGreaterThan(0);
  expect(latency.p99).toBeGreaterThanOrEqual(latency.p50);
  expect(latency.longest).toBeGreaterThanOrEqual(latency.p99);
  expect(others.residentBytes).toBeGreaterThan(1e6);
  expect(others.peakResidentBytes).toBeGreaterThanOrEqual(others.residentBytes);
}

describe('the enrollment benchmark', () => {
  it('reports each series with all of its figures, as JSON alone', async () => {
    const { failure, stdout, stderr, left } = await run({
      flags: [...SMALL, '--devices', '3,20', '--json'],
    });
    expect(failure).toBeNull();
    expect(stderr).toContain('round 2 of 2');
    const report: Report = JSON.parse(stdout);

    const shown = report.series.map(({ server, transport, connections, devices }) => [
      ...[server, transport, connections, devices],
    ]);
    const peer = hasProgram('cfssl') ? [['cfssl serve', 'http', 'kept', null]] : [];
    expect(shown).toEqual([
      ...peer,
      ['Gatehouse', 'https', 'kept', 3],
      ['Gatehouse', 'https', 'one a request', 3],
      ['Gatehouse', 'https', 'kept', 20],
      ['Gatehouse', 'https', 'one a request', 20],
    ]);
    for (const series of report.series) {
      expectFigures(series);
      const stores = series.devices !== null;
      expect(series.stored === null).toBe(!stores);
      if (stores) expect(series.stored?.registry).toBeGreaterThan(4_096);
      expect(series.toPeer !== null).toBe(stores && peer.length > 0);
    }
    expect(report.load).toEqual({ rounds: 2, requests: 6, handshakes: 3, clients: 2 });
    expect(report.growth).toMatchObject({ from: 3, to: 20, perSecond: expect.any(Number) });
    expect(report.machine.node).toBe(process.version);
    expect(left).toEqual([]);
  });

  describe('without a peer and without pinning, and with a folder in which registries are kept', () => {
    const keep = join(folder, 'kept');
    const kept = () => readFileSync(dataLayout(join(keep, 'registered-5')).registry.database);
    const flags = [...SMALL, '--rounds', '1', '--handshakes', '0', '--devices', '5', '--keep', keep];
    const runAlone = (...more: string[]) =>
      run({ flags: [...flags, ...more], environment: WITHOUT_PROGRAMS });

    it('goes on, says so, and prints a table', async () => {
      const { failure, stdout, stderr } = await runAlone();
      expect(failure).toBeNull();
      expect(stderr).toContain('cfssl is not installed');
      expect(stdout).toContain('NOT pinned');
      expect(stdout).toMatch(/^Gatehouse +5 +https /m);
      expect(stdout).not.toMatch(/handshake each +\d/);
      expect(stdout).not.toContain('NaN');
      expect(readdirSync(keep)).toEqual(['registered-5']);
    });

    it('uses the registry again that it kept, and leaves it as it was', async () => {
      const before = kept();
      const { failure, stdout } = await runAlone('--json');
      expect(failure).toBeNull();
      const report: Report = JSON.parse(stdout);
      expect(report.series[0]?.stored?.registry).toBe(before.length);
      expect(readdirSync(keep)).toEqual(['registered-5']);
      expect(kept().equals(before)).toBe(true);
    });
  });

  it('ends its servers and removes its files when it is interrupted', async () => {
    const flags = [...SMALL, '--devices', '3', '--rounds', '1000', '--json'];
    const { code, stderr, left } = await run({ flags, interruptAt: 'round 1 of' });
    expect([code, stderr]).toEqual([1, expect.stringContaining('"code":"interrupted"')]);
    expect(left).toEqual([]);
  });

  it('refuses what makes no sense', async () => {
    for (const flags of [
      ['--devices', 'many'],
      ['--rounds', '0'],
      ['--clients', '0'],
    ]) {
      const { code, stdout } = await run({ flags });
      expect([flags, code, stdout]).toEqual([flags, 2, '']);
    }
  });
});
