import { join } from 'node:path';
import { openRegistry, openRegistryView } from '../../registry/sqlite/open.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { describeRegistry } from './contract.ts';

const folder = temporaryFolder();
let count = 0;

describeRegistry('SQLite', async (clock) => {
  count += 1;
  const file = join(folder, `${count}`, 'registry.db');
  return { registry: await openRegistry({ file, clock }), openView: () => openRegistryView({ file }) };
});
