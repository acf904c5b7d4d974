#!/usr/bin/env node
// The enrollment benchmark's executable; README.md beside this folder says what it measures.
import { runBenchmark } from '../../dist/bench/enroll/program.js';

await runBenchmark();
