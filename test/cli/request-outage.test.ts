/** Deciding requests while the server goes away: what was decided is reported, and so is that the rest was not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';
import { errorCode, gatehouse } from './transcript.ts';

const folder = temporaryFolder();
const seen: string[] = [];
let server: SmallServer;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  server = await startSmallServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (!/\/1(\/|$)/.test(request.url ?? '')) return void request.socket.destroy();
    const status = request.method === 'POST' ? 'approved' : 'pending';
    response.end(JSON.stringify({ id: 1, device: 'gate-1', status }));
  });
  const ca = join(folder, 'root.pem');
  writeFileSync(ca, server.root);
  environment = { GATEHOUSE_URL: server.url, GATEHOUSE_TOKEN: 'gho_x', GATEHOUSE_CA: ca };
});
afterAll(() => server.close());

it('reports what was decided before the server went away, and asks no more of it', async () => {
  const { code, stdout, stderr } = await gatehouse(
    ['request', 'approve', '1', '2', '3', '--json'],
    environment,
  );
  expect([code, errorCode(stderr)]).toEqual([1, 'server_unreachable']);
  expect(JSON.parse(stdout)).toMatchObject({
    counts: { requests: 1, unchanged: 0 },
    requests: [{ id: 1, device: 'gate-1', status: 'approved' }],
  });
  expect(seen.filter((call) => call.includes('/3'))).toEqual([]);
});
