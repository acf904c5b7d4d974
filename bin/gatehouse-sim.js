#!/usr/bin/env node
// The simulator's executable: one device, a fleet of them, or the whole flow as a demonstration.
import { runSimulator } from '../dist/device-sim/program.js';

await runSimulator();
