#!/usr/bin/env node
// The revocation benchmark's executable; README.md beside this folder says what it measures.
import { runBenchmark } from '../../dist/bench/revocation/program.js';

await runBenchmark();
