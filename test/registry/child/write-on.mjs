// A writer to be killed: keeps 20 writes going, and prints the subject of each once it has been answered,
// `answered ID` or `refused ID`. A refusal is the end: it takes no more then, and leaves when all are answered.
// Arguments: the registry's file. Runs on the build (dist), as a process of its own.
import { openRegistry } from '../../../dist/registry/sqlite/open.js';

const [, , file] = process.argv;
const registry = await openRegistry({ file, clock: { now: () => Date.now() } });
let count = 0;
let refused = false;

async function writeOn() {
  while (!refused) {
    count += 1;
    const subject = `${process.pid}-${count}`;
    const event = {
      action: 'token.created',
      subject,
      data: { group: 'default', device: null, maxUses: 1, expiresAt: 0 },
    };
    try {
      await registry.write('system', (transaction) => transaction.append(event));
      process.stdout.write(`answered ${subject}\n`);
    } catch {
      refused = true;
      process.stdout.write(`refused ${subject}\n`);
    }
  }
}

await Promise.all(Array.from({ length: 20 }, writeOn));
await registry.close();
