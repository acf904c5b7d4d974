#!/usr/bin/env node
// The cut-off benchmark's executable; README.md beside this folder says what it measures.
import { runBenchmark } from '../../dist/bench/cut-off/program.js';

await runBenchmark();
