/** Whatever is wrong with an import is told line by line, and nothing of it is imported. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { OperatorCreated } from '../../core/api/operators.ts';
import type { Problem } from '../../core/api/problem.ts';
import { startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { imported, lastChange, linesOf, send } from './importing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
let head: number;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());
beforeEach(async () => {
  head = await lastChange(service);
});
/** Every change leaves a row. */
afterEach(async () => {
  expect(await lastChange(service)).toBe(head);
});

const good = (id: string) => `{"id":"${id}","group":"devices"}\n`;
const told = async (body: string | Buffer) => {
  const answer = await send(service, body);
  expect([answer.status, answer.body.code]).toEqual([400, 'import_refused']);
  expect(answer.headers['content-type']).toMatch('application/problem+json');
  return answer.body.errors.map(({ line, code }) => [line, code]);
};

describe('a line that is', () => {
  const deep = '['.repeat(15_000);
  it.each([
    ['no JSON', 'id,group', 'entry_invalid'],
    ['cut off', '{"id":"a","group":"dev', 'entry_invalid'],
    ['two values', '{} {}', 'entry_invalid'],
    ['nothing but depth', deep, 'entry_invalid'],
    ['an array', '[]', 'entry_invalid'],
    ['null', 'null', 'entry_invalid'],
    ['a text', '"a"', 'entry_invalid'],
    ['without an ID', '{"group":"devices"}', 'entry_invalid'],
    ['without a group', '{"id":"a"}', 'entry_invalid'],
    ['with a number for an ID', '{"id":7,"group":"devices"}', 'entry_invalid'],
    ['with more than belongs there', '{"id":"a","group":"devices","status":"revoked"}', 'entry_invalid'],
    ['with __proto__', '{"id":"a","group":"devices","__proto__":{"id":"b"}}', 'entry_invalid'],
    ['with an empty ID', '{"id":"","group":"devices"}', 'device_id_invalid'],
    ['with a topic for an ID', '{"id":"a/+","group":"devices"}', 'device_id_invalid'],
    ['with an ID of 65 characters', good('a'.repeat(65)), 'device_id_invalid'],
    ['with an ID and a line break', '{"id":"a\\n","group":"devices"}', 'device_id_invalid'],
    ['for a group that is no name', '{"id":"a","group":"../x"}', 'name_invalid'],
    ['for a group that is not there', '{"id":"a","group":"nowhere"}', 'group_unknown'],
  ])('%s is refused', async (_what, line, code) => {
    expect(await told(`${good('fine')}\n${line}`)).toEqual([[3, code]]);
  });

  it.each([
    ['an array', '[]'],
    ['null', 'null'],
    ['a text', '"site=a"'],
    ['a number in it', '{"site":1}'],
    ['an object in it', '{"site":{}}'],
    ['the name __proto__', '{"__proto__":"x"}'],
    ['the name __proto__ and an object', '{"__proto__":{"polluted":"x"}}'],
    ['an empty name', '{"":"x"}'],
    ['a name in capitals', '{"Site":"x"}'],
    ['a name that is too long', `{"${'a'.repeat(33)}":"x"}`],
    ['a value that is too long', `{"site":"${'a'.repeat(129)}"}`],
    [
      'too many of them',
      JSON.stringify(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, 'x']))),
    ],
  ])('with attributes that are, or have, %s is refused', async (_what, attributes) => {
    expect(await told(`{"id":"a","group":"devices","attributes":${attributes}}`)).toEqual([
      [1, 'entry_invalid'],
    ]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('not UTF-8 is refused', async () => {
    const bytes = Buffer.from('{"id":"a","group":"devices","attributes":{"site":"\u00fc"}}\n', 'latin1');
    expect(await told(Buffer.concat([Buffer.from(good('fine')), bytes, Buffer.from('nonsense')]))).toEqual([
      [2, 'entry_invalid'],
      [3, 'entry_invalid'],
    ]);
  });

  it('too long is refused, and not held', async () => {
    const long = `{"id":"a","group":"devices","attributes":{"site":"${'x'.repeat(3_000_000)}"}}`;
    expect(await told(`${long}\n${good('fine')}`)).toEqual([[1, 'entry_invalid']]);
  });

  it('for a device that an earlier line names is refused, even if it says the same', async () => {
    expect(await told(good('twice') + good('once') + good('twice'))).toEqual([[3, 'device_repeated']]);
  });
});

describe('an import', () => {
  it('with many errors tells twenty and counts all', async () => {
    const answer = await send(service, good('fine') + 'nonsense\n'.repeat(1_000) + good('fine-2'));
    expect(answer.body).toMatchObject({
      errorCount: 1_000,
      detail: '1000 lines are refused, and nothing was imported',
    });
    expect(answer.body.errors.map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, i) => i + 2));
    expect((await service.operator<Problem>('GET', '/devices/fine')).status).toBe(404);
  });

  it('of too many lines is refused, in an answer that arrives though more was to come', async () => {
    const { status, body } = await send(service, '\n'.repeat(20_000_000));
    expect([status, body.code]).toEqual([413, 'list_too_large']);
  });

  it('that says it is too large is refused before it is sent', async () => {
    const asked = request(`${service.adminUrl}/api/v1/devices/import`, {
      method: 'POST',
      ca: service.ca,
      headers: {
        authorization: `Bearer ${service.adminToken}`,
        'content-type': 'application/x-ndjson',
        'content-length': 64 * 1024 * 1024 + 1,
      },
    });
    asked.on('error', () => undefined).flushHeaders();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect([answer.statusCode, JSON.parse(await text(answer)).code]).toEqual([413, 'list_too_large']);
    asked.destroy();
  });

  it.each(['application/json', 'text/csv', 'text/plain'])('of type %s is refused', async (contentType) => {
    const { status, body } = await send(service, good('a'), { contentType });
    expect([status, body.code]).toEqual([415, 'content_type_unsupported']);
  });

  it('without a body is refused', async () => {
    const { status } = await service.operator<Problem>('POST', '/devices/import');
    expect(status).toBe(400);
  });

  it('with an unknown word in its address is refused, lest a mistyped dry run be none', async () => {
    for (const query of ['dryrun=true', 'dryRun=yes', 'update']) {
      const { status, body } = await send(service, good('a'), { query });
      expect([query, status, body.code]).toEqual([query, 400, 'request_invalid']);
    }
  });

  it('leaves the next one to be good', async () => {
    await send(service, 'nonsense');
    expect(await imported(service, [{ id: 'x', group: 'devices' }], 'dryRun=true')).toMatchObject({
      imported: 1,
    });
  });
});

describe('who may import', () => {
  const body = linesOf([{ id: 'a', group: 'devices' }]);

  it('is nobody without a token of an operator', async () => {
    const { status, body: problem } = await send(service, body, { token: 'nonsense' });
    expect([status, problem.code]).toEqual([401, 'operator_token_invalid']);
  });

  it('is no viewer, not even for a dry run', async () => {
    const created = await service.operator<OperatorCreated>('POST', '/operators', {
      name: 'eye',
      role: 'viewer',
    });
    head = await lastChange(service);
    const { token } = created.body;
    for (const kind of ['devices', 'blocked-keys']) {
      const answer = await send(service, body, { token, query: 'dryRun=true' }, kind);
      expect([answer.status, answer.body.code]).toEqual([403, 'operator_role_insufficient']);
    }
    const one = await service.operator<Problem>('POST', '/devices', { id: 'a' }, token);
    expect(one.body.code).toBe('operator_role_insufficient');
    const unblock = await service.operator<Problem>(
      'DELETE',
      `/blocked-keys/${'a'.repeat(64)}`,
      undefined,
      token,
    );
    expect(unblock.body.code).toBe('operator_role_insufficient');
  });
});
