/** `node bench/broker/run.js`: its options. */
import { countUpTo } from '../../runtime/command-line/parsers.ts';
import { positive, runBenchmarkProgram, seconds } from '../harness/program.ts';
import { runBrokerBenchmark } from './benchmark.ts';
import { renderReport } from './report.ts';

export function runBenchmark(): Promise<void> {
  return runBenchmarkProgram({
    description: "Gatehouse's broker beside Mosquitto; README.md explains the figures.",
    examples: ['node bench/broker/run.js', 'node bench/broker/run.js --rounds 1 --fleet 500 --json'],
    addOptions: (program) =>
      program
        .option('--rounds <n>', 'rounds, each with both brokers', positive, 3)
        .option('--publishers <n>', 'who publish to one subscriber', countUpTo(1_000), 50)
        .option('--seconds <n>', 'of each throughput measurement', seconds, 5)
        .option('--fleet <n>', 'connections that are idle, and that come back', countUpTo(20_000), 3_000)
        .option('--connects <n>', 'connects of each kind', positive, 2_000)
        .option('--messages <n>', 'queued for a session that is away', positive, 9_000),
    run: runBrokerBenchmark,
    render: renderReport,
  });
}
