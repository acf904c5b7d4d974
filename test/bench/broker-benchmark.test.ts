/** The broker benchmark as a process, over numbers so small that its figures mean nothing. */
import { describe, expect, it } from '@jest/globals';
import { type Report, works } from '../../bench/broker/report.ts';
import { hasProgram } from '../support/external.ts';
import { runBenchmark } from './run-benchmark.ts';

const SMALL = [
  ...['--rounds', '1', '--publishers', '2', '--seconds', '0.2', '--fleet', '3', '--connects', '20'],
  ...['--messages', '50'],
];

describe('the broker benchmark', () => {
  it('reports every figure, and its ratio to the peer', async () => {
    const { failure, stdout, stderr, left } = await runBenchmark({
      benchmark: 'broker',
      flags: [...SMALL, '--json'],
    });
    expect(failure).toBeNull();
    expect(stderr).toContain('round 1 of 1');
    const { figures }: Report = JSON.parse(stdout);
    expect(figures.map(({ work }) => work)).toEqual(Object.keys(works));
    for (const { work, gatehouse, mosquitto } of figures) {
      expect([work, Number.isFinite(gatehouse)]).toEqual([work, true]);
      expect([work, mosquitto !== null]).toEqual([work, hasProgram('mosquitto')]);
    }
    // Processor time is counted in steps that so little work need not fill.
    for (const work of ['qos0', 'qos1', 'full', 'resumed', 'queued', 'drained'] as const) {
      expect(figures.find((figure) => figure.work === work)?.ratio ?? 1).toBeGreaterThan(0);
    }
    expect(left).toEqual([]);
  });
});
