/** Lists that come in pages are told whole. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';
import { gatehouse } from './transcript.ts';

const folder = temporaryFolder();
const asked: string[] = [];
let server: SmallServer;

/** Three pages; each names the last of its items as the one after which the next begins. */
const pages: Readonly<Record<string, object>> = {
  '': { items: [{ id: 'a' }, { id: 'b' }], next: 'b' },
  b: { items: [{ id: 'c' }], next: 'c' },
  c: { items: [], next: null },
};

beforeAll(async () => {
  server = await startSmallServer((request, response) => {
    const url = new URL(request.url ?? '', 'https://localhost');
    asked.push(url.search);
    response.end(JSON.stringify(pages[url.searchParams.get('after') ?? '']));
  });
  writeFileSync(join(folder, 'root.pem'), server.root);
});
afterAll(() => server.close());

describe('a list of several pages', () => {
  it('is asked for page by page, with its filter, and printed as one', async () => {
    const connection = ['--url', server.url, '--token', 'x', '--ca', join(folder, 'root.pem')];
    const { code, stdout } = await gatehouse(['device', 'list', '--group', 'g', '--json', ...connection]);
    expect([code, JSON.parse(stdout)]).toEqual([0, [{ id: 'a' }, { id: 'b' }, { id: 'c' }]]);
    expect(asked).toEqual([
      '?group=g&limit=1000',
      '?group=g&limit=1000&after=b',
      '?group=g&limit=1000&after=c',
    ]);
  });
});
