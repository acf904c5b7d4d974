#!/usr/bin/env node
import { brokerCommands } from '../dist/broker/commands.js';
// The operator's executable: the roles a host runs, and the commands an operator gives.
import { runCommands } from '../dist/cli/program.js';
import { enrollCommands } from '../dist/enroll/commands.js';

await runCommands([...enrollCommands, ...brokerCommands]);
