/** The thread that builds CRLs fails for whoever asked, and for nobody after that. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { CrlThread } from '../../enroll/crl/crl-thread-client.ts';
import type { ListsRequest } from '../../enroll/crl/lists-request.ts';
import { openRegistry } from '../../registry/sqlite/open.ts';
import { issuer, NOW, seed } from '../registry/samples.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let file: string;
let thread: CrlThread;
beforeEach(async () => {
  file = join(mkdtempSync(join(folder, 'registry-')), 'registry.db');
  const registry = await openRegistry({ file, clock: { now: () => NOW } });
  await seed(registry);
  await registry.close();
  thread = new CrlThread(file);
});
afterEach(() => thread.close());

const request = (change: Partial<ListsRequest> = {}): ListsRequest => ({
  issuer: {
    fingerprint: issuer.fingerprint,
    subjectDer: Buffer.from('3000', 'hex'),
    subjectKeyIdentifier: Buffer.alloc(20),
  },
  ...{
    algorithm: 'ecdsa-sha256',
    number: 1n,
    thisUpdate: NOW,
    nextUpdate: NOW + 1_000,
    statusUrl: 'http://x',
  },
  ...{ shardings: [], expiresFrom: NOW, base: null, shardsSince: null },
  ...change,
});
const parts = async (asked: Promise<{ readonly lists: readonly { readonly part: string }[] }>) =>
  (await asked).lists.map(({ part }) => part);

it('builds for all who ask at the same time', async () => {
  const asked = [[], [16] as const, []].map((shardings) => parts(thread.build(request({ shardings }))));
  expect((await Promise.all(asked)).map(({ length }) => length)).toEqual([2, 18, 2]);
});

it('refuses what cannot be built, and builds what comes next', async () => {
  const impossible = thread.build(request({ nextUpdate: -1 }));
  const possible = parts(thread.build(request()));
  await expect(impossible).rejects.toThrow('A CRL could not be built: -1 cannot be written as an X.509 time');
  expect(await possible).toEqual(['full', 'delta']);
});

it('is started again after it has failed', async () => {
  const lost = new CrlThread(`${file}.moved`);
  try {
    const failed = await Promise.allSettled([lost.build(request()), lost.build(request())]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const registry = await openRegistry({ file: `${file}.moved`, clock: { now: () => NOW } });
    await seed(registry);
    await registry.close();
    expect(await parts(lost.build(request()))).toEqual(['full', 'delta']);
  } finally {
    await lost.close();
    rmSync(`${file}.moved`, { force: true });
  }
});

it('keeps nobody waiting who still waits when it is closed, and builds no more', async () => {
  const waiting = expect(thread.build(request())).rejects.toThrow('it ended');
  await thread.close();
  await waiting;
  await expect(thread.build(request())).rejects.toThrow('built no more');
});
