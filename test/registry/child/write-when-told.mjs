// A second process that writes: one journal row for each line on its standard input. Prints `ready` first.
// Arguments: the registry's file. Runs on the build (dist).
import { createInterface } from 'node:readline';
import { openRegistry } from '../../../dist/registry/sqlite/open.js';

const [, , file] = process.argv;
const registry = await openRegistry({ file, clock: { now: () => Date.now() } });
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const event = { action: 'token.revoked', subject: line, data: {} };
  await registry.write('system', (transaction) => transaction.append(event));
}
await registry.close();
