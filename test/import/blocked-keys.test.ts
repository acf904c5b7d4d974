/** The block-list: one key or a list of them, listed in pages, corrected, and in the journal. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BlockedKeyView } from '../../core/api/blocked-keys.ts';
import type { Page } from '../../core/api/page.ts';
import type { Problem } from '../../core/api/problem.ts';
import { parseFingerprint } from '../../core/ids.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { keyFingerprintOf } from '../enrollment/renewing.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { changesAfter, imported, lastChange, linesOf, send } from './importing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());

const KIND = 'blocked-keys';
const hex = (of: string) => parseFingerprint(createHash('sha256').update(of).digest('hex'));
const key = (of: string, note = of) => ({ fingerprint: hex(of), note });
const page = async (query = '') =>
  (await service.operator<Page<BlockedKeyView>>('GET', `/blocked-keys${query}`)).body;

async function all(): Promise<BlockedKeyView[]> {
  const keys: BlockedKeyView[] = [];
  for (let after = ''; ; ) {
    const { items, next } = await page(`?limit=2${after}`);
    keys.push(...items);
    if (next === null) return keys;
    after = `&after=${next}`;
  }
}

describe('a list of keys', () => {
  it('is blocked whole, and listed in the order of its fingerprints', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e'].map((of) => key(of));
    expect(await imported(service, keys, '', KIND)).toMatchObject({
      imported: 5,
      unchanged: 0,
      dryRun: false,
    });
    const listed = await all();
    expect(listed.map(({ fingerprint }) => fingerprint)).toEqual(
      keys.map(({ fingerprint }) => fingerprint).sort(),
    );
    expect(listed.find(({ note }) => note === 'c')).toMatchObject({
      fingerprint: hex('c'),
      blockedAt: expect.stringMatching(/Z$/),
    });
  });

  it('counts keys that are blocked already, or named twice, and keeps their first note', async () => {
    const keys = [key('a', 'other'), key('f'), key('f', 'again')];
    expect(await imported(service, keys, '', KIND)).toMatchObject({ imported: 1, unchanged: 2 });
    const notes = new Map((await all()).map(({ fingerprint, note }) => [fingerprint, note]));
    expect([notes.get(hex('a')), notes.get(hex('f'))]).toEqual(['a', 'f']);
  });

  it('takes colons and either case, and no note', async () => {
    const fingerprint = hex('g')
      .toUpperCase()
      .replace(/..(?=.)/g, '$&:');
    await imported(service, [{ fingerprint }], '', KIND);
    expect(await all()).toContainEqual(expect.objectContaining({ fingerprint: hex('g'), note: '' }));
  });

  it('is in the journal key by key, in rows of many', async () => {
    const head = await lastChange(service);
    const keys = Array.from({ length: 250 }, (_, index) => key(`many ${index}`));
    await imported(service, keys, '', KIND);
    const rows = await changesAfter(service, head);
    expect(rows.map(({ event }) => [event.action, event.subject])).toEqual(
      Array.from({ length: 3 }, () => ['keys.blocked', 'block-list']),
    );
    expect(rows.flatMap(({ event }) => (event.action === 'keys.blocked' ? event.data.keys : []))).toEqual(
      keys,
    );
  });

  it('with anything wrong in it blocks nothing, and tells the lines', async () => {
    const head = await lastChange(service);
    const lines = [
      key('new'),
      { fingerprint: 'abc' },
      { note: 'x' },
      { ...key('n'), more: 1 },
      key('l', 'x'.repeat(201)),
    ];
    const { status, body } = await send(service, linesOf(lines), {}, KIND);
    expect([status, body.code]).toEqual([400, 'import_refused']);
    expect(body.errors.map(({ line, code }) => [line, code])).toEqual([
      [2, 'fingerprint_invalid'],
      [3, 'entry_invalid'],
      [4, 'entry_invalid'],
      [5, 'entry_invalid'],
    ]);
    expect(await lastChange(service)).toBe(head);
  });

  it('that is only tried changes nothing', async () => {
    const head = await lastChange(service);
    expect(await imported(service, [key('tried'), key('a')], 'dryRun=true', KIND)).toMatchObject({
      imported: 1,
      unchanged: 1,
      dryRun: true,
    });
    expect(await lastChange(service)).toBe(head);
  });
});

describe('a key', () => {
  it('from a list cannot enroll until it is unblocked, which the journal tells', async () => {
    const privateKey = await generatePrivateKey();
    const fingerprint = keyFingerprintOf(privateKey);
    await imported(service, [{ fingerprint, note: 'by mistake' }], '', KIND);
    const { token } = await service.createToken();
    const csr = await csrPem({ commonName: 'unlucky', privateKey });
    expect((await service.enroll(token, csr)).body.code).toBe('key_blocked');

    const head = await lastChange(service);
    expect((await service.operator('DELETE', `/blocked-keys/${fingerprint}`)).status).toBe(204);
    expect((await changesAfter(service, head)).map(({ actor, event }) => [actor, event])).toEqual([
      ['operator:admin', { action: 'key.unblocked', subject: fingerprint, data: {} }],
    ]);
    expect((await service.enroll(token, csr)).status).toBe(201);
  });

  it('that is not blocked cannot be unblocked', async () => {
    const { status, body } = await service.operator<Problem>('DELETE', `/blocked-keys/${hex('never')}`);
    expect([status, body.code]).toEqual([404, 'key_not_blocked']);
    const none = await service.operator<Problem>('DELETE', '/blocked-keys/zz');
    expect([none.status, none.body.code]).toEqual([400, 'fingerprint_invalid']);
  });

  it('is blocked once, with one row', async () => {
    const head = await lastChange(service);
    for (const note of ['first', 'second']) {
      await service.operator('POST', '/blocked-keys', { fingerprint: hex('twice'), note });
    }
    expect((await changesAfter(service, head)).map(({ event }) => event)).toEqual([
      { action: 'key.blocked', subject: hex('twice'), data: { note: 'first' } },
    ]);
  });
});
