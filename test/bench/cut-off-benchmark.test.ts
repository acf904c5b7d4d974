/** The cut-off benchmark as a process, over numbers so small that its figures mean nothing. */
import { describe, expect, it } from '@jest/globals';
import type { Report } from '../../bench/cut-off/benchmark.ts';
import { runBenchmark } from './run-benchmark.ts';

describe('the cut-off benchmark', () => {
  it('reports how soon sockets close, singly and in bulk, and what the others notice', async () => {
    const flags = ['--devices', '12', '--singles', '2', '--bulk', '5', '--bystanders', '3', '--json'];
    const { failure, stdout, left } = await runBenchmark({ benchmark: 'cut-off', flags });
    expect(failure).toBeNull();
    const { single, bulk, bystanders, brokerBytes }: Report = JSON.parse(stdout);
    for (const { p50, longest } of [single.fromRequest, bulk.fromStart, ...Object.values(bystanders)]) {
      expect(p50).toBeGreaterThan(0);
      expect(longest).toBeGreaterThanOrEqual(p50);
    }
    expect(bulk.command).toBeGreaterThan(0);
    expect(brokerBytes).toBeGreaterThan(1e6);
    expect(left).toEqual([]);
  });
});
