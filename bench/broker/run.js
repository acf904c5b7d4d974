#!/usr/bin/env node
// The broker benchmark's executable; README.md beside this folder says what it measures.
import { runBenchmark } from '../../dist/bench/broker/program.js';

await runBenchmark();
