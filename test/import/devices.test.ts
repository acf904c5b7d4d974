/** POST /api/v1/devices/import: an allow-list is there whole, in the journal too, and can be sent again and again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceView } from '../../core/api/devices.ts';
import type { Page } from '../../core/api/page.ts';
import type { Problem } from '../../core/api/problem.ts';
import { verifyChain } from '../../core/journal/chain.ts';
import { generatePrivateKey } from '../../device-sim/identity/private-key.ts';
import { csrPem, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  changesAfter,
  deviceOf,
  imported,
  journalOf,
  lastChange,
  linesOf,
  resultIn,
  send,
} from './importing.ts';

const folder = temporaryFolder();
let service: TestEnroll;
beforeAll(async () => {
  service = await startTestEnroll(folder);
});
afterAll(() => service.close());

const entry = (id: string, attributes = {}, group = 'devices') => ({ id, group, attributes });
const counts = (imported: number, unchanged = 0, updated = 0, dryRun = false) => ({
  imported,
  unchanged,
  updated,
  dryRun,
});
async function enroll(id: string) {
  const { token } = await service.createToken({ device: id });
  const csr = await csrPem({ commonName: id, privateKey: await generatePrivateKey() });
  return service.enroll(token, csr);
}

describe('an imported device', () => {
  it('is there with its group and attributes, active, without a certificate', async () => {
    expect(await imported(service, [entry('new-1', { site: 'Zürich' }, 'services')])).toEqual(counts(1));
    expect(await deviceOf(service, 'new-1')).toMatchObject({
      group: 'services',
      status: 'active',
      attributes: { site: 'Zürich' },
      enrolledAt: null,
      certificates: [],
    });
  });

  it('keeps both when it enrolls, and shows when that was', async () => {
    await imported(service, [entry('later', { site: 'north' }, 'services')]);
    expect((await enroll('later')).status).toBe(201);
    const { group, attributes, enrolledAt, certificates } = await deviceOf(service, 'later');
    expect([group, attributes, certificates.length]).toEqual(['services', { site: 'north' }, 1]);
    const { body } = await service.operator<Page<DeviceView>>('GET', '/devices?group=services&limit=2');
    expect(body.items.map((device) => [device.id, device.enrolledAt])).toEqual([
      ['later', enrolledAt],
      ['new-1', null],
    ]);
    expect(Date.parse(enrolledAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
  });

  it('may have an attribute called like what objects have', async () => {
    await imported(service, [entry('odd', { constructor: 'c' })]);
    expect((await deviceOf(service, 'odd')).attributes).toEqual({ constructor: 'c' });
  });

  it('can be suspended and revoked before it ever enrolls, for good', async () => {
    await imported(service, [entry('lost')]);
    await service.operator('POST', '/devices/lost/suspend');
    expect((await enroll('lost')).body.code).toBe('device_suspended');
    await service.operator('POST', '/devices/lost/revoke', {});
    expect((await enroll('lost')).body.code).toBe('device_revoked');
  });
});

describe('a file that was imported before', () => {
  it('changes nothing, and leaves no word in the journal', async () => {
    const file = [entry('same-1', { a: '1', b: '2' }), entry('same-2')];
    await imported(service, file);
    const head = await lastChange(service);
    const before = await deviceOf(service, 'same-1');
    expect(await imported(service, [entry('same-2'), entry('same-1', { b: '2', a: '1' })])).toEqual(
      counts(0, 2),
    );
    expect(await deviceOf(service, 'same-1')).toEqual(before);
    expect(await lastChange(service)).toBe(head);
  });

  it('adds what is new in it', async () => {
    await imported(service, [entry('more-1')]);
    expect(await imported(service, [entry('more-1'), entry('more-2')])).toEqual(counts(1, 1));
  });

  it('and has other attributes or another group is refused, unless it may update', async () => {
    await imported(service, [entry('upd-1', { a: '1' }), entry('upd-2')]);
    const file = [entry('upd-1', { a: '2' }), entry('upd-2', {}, 'services'), entry('upd-3')];
    const refused = await send(service, linesOf(file));
    expect([refused.status, refused.body.code]).toEqual([400, 'import_refused']);
    expect(refused.body.errors).toEqual([
      { line: 1, code: 'device_exists', detail: 'device "upd-1" exists, with other attributes' },
      { line: 2, code: 'device_exists', detail: 'device "upd-2" exists, in group "devices"' },
    ]);
    expect((await deviceOf(service, 'upd-1')).attributes).toEqual({ a: '1' });

    expect(await imported(service, file, 'update=true')).toEqual(counts(1, 0, 2));
    expect((await deviceOf(service, 'upd-1')).attributes).toEqual({ a: '2' });
    expect((await deviceOf(service, 'upd-2')).group).toBe('services');
  });

  it('never updates a device that is revoked since, and leaves one be that is as it was', async () => {
    await imported(service, [entry('gone', { a: '1' })]);
    await service.operator('POST', '/devices/gone/revoke', {});
    const answer = await send(service, linesOf([entry('gone', { a: '2' })]), { query: 'update=true' });
    expect(answer.body.errors).toEqual([
      { line: 1, code: 'device_revoked', detail: 'device "gone" is revoked' },
    ]);
    expect(await imported(service, [entry('gone', { a: '1' })], 'update=true')).toEqual(counts(0, 1));
    expect((await deviceOf(service, 'gone')).status).toBe('revoked');
  });
});

describe('a dry run', () => {
  it('tells what would be, and writes nothing', async () => {
    await imported(service, [entry('dry-1')]);
    const head = await lastChange(service);
    const file = [entry('dry-1', { a: '1' }), entry('dry-2')];
    expect(await imported(service, file, 'update=true&dryRun=true')).toEqual(counts(1, 0, 1, true));
    expect((await deviceOf(service, 'dry-1')).attributes).toEqual({});
    expect((await service.operator<Problem>('GET', '/devices/dry-2')).body.code).toBe('device_unknown');
    expect(await lastChange(service)).toBe(head);
  });

  it('refuses what an import would refuse', async () => {
    const answer = await send(service, linesOf([entry('a b')]), { query: 'dryRun=true' });
    expect([answer.status, answer.body.code]).toEqual([400, 'import_refused']);
  });
});

describe('the journal of an import', () => {
  it('names each device once, with its operator, group and attributes, in rows of bounded size', async () => {
    const head = await lastChange(service);
    const long = { note: 'x'.repeat(128), more: 'y'.repeat(128), most: 'z'.repeat(128) };
    const file = Array.from({ length: 450 }, (_, index) =>
      entry(`j-${index}`, index < 250 ? {} : long, index % 2 === 0 ? 'devices' : 'services'),
    );
    await imported(service, file);
    const rows = await changesAfter(service, head);
    expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set(['operator:admin']));
    const told = rows.flatMap(({ event }) => {
      if (event.action !== 'devices.imported') throw new Error(event.action);
      expect(event.data.count).toBe(event.data.devices.length);
      return event.data.devices.map((device) => ({ ...device, group: event.subject }));
    });
    expect(told.map(({ id }) => id).sort()).toEqual(file.map(({ id }) => id).sort());
    expect(told).toEqual(expect.arrayContaining(file));
    for (const row of rows) expect(JSON.stringify(row.event).length).toBeLessThan(17 * 1024);
    expect(rows.length).toBeLessThan(12);
  });

  it('tells updates apart, and verifies', async () => {
    const head = await lastChange(service);
    await imported(service, [entry('j-0', { site: 'b' }), entry('j-new')], 'update=true');
    const rows = await changesAfter(service, head);
    expect(rows.map(({ event }) => [event.action, event.subject, event.data])).toEqual([
      ['devices.imported', 'devices', { count: 1, devices: [{ id: 'j-new', attributes: {} }] }],
      ['devices.changed', 'devices', { count: 1, devices: [{ id: 'j-0', attributes: { site: 'b' } }] }],
    ]);
    const all = await journalOf(service);
    expect(verifyChain(all).seq).toBe(all.length);
  });
});

describe('one device', () => {
  it('is created with its journal row; a second time it is there already', async () => {
    const head = await lastChange(service);
    for (const _again of [1, 2]) {
      const { status, body } = await service.operator('POST', '/devices', {
        id: 'one',
        attributes: { a: '1' },
      });
      expect([status, body]).toEqual([
        201,
        expect.objectContaining({ id: 'one', group: 'devices', enrolledAt: null }),
      ]);
    }
    expect((await changesAfter(service, head)).map(({ event }) => event)).toEqual([
      { action: 'device.created', subject: 'one', data: { group: 'devices', attributes: { a: '1' } } },
    ]);
  });

  it.each([
    [{ id: 'one', attributes: { a: '2' } }, 409, 'device_exists'],
    [{ id: 'two', group: 'nowhere' }, 404, 'group_unknown'],
    [{ id: 'a/b' }, 400, 'device_id_invalid'],
    [{ id: 'two', attributes: { Bad: 'x' } }, 400, 'request_invalid'],
    [{ id: 'two', more: 1 }, 400, 'request_invalid'],
  ])('%j is refused with %i %s', async (body, status, code) => {
    const answer = await service.operator<Problem>('POST', '/devices', body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });
});

it('an answer tells how far it is before it tells how it ended', async () => {
  const answer = await send(service, linesOf([entry('p-1')]));
  const lines = String(answer.body)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[0]).toEqual({ written: 0, of: 1 });
  expect(resultIn(answer)).toEqual(counts(1));
});
