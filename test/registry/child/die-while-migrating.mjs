// A first start that is cut off: applies the schema, and is killed before it is committed. Runs on the build (dist).
import { connectWriter } from '../../../dist/registry/sqlite/connection.js';
import { initial } from '../../../dist/registry/sqlite/migrations/0001-initial.js';

const [, , file] = process.argv;
const database = connectWriter(file);
// So small a cache makes SQLite write pages of the open transaction to disk, as a large migration would.
database.pragma('cache_size = 1');
database.exec('BEGIN IMMEDIATE');
database.exec(initial);
process.kill(process.pid, 'SIGKILL');
