/** Many devices at once: all or nothing, no more than was said, and just those that a dry run has named. */
import { describe, expect, it } from '@jest/globals';
import type { DeviceDetail } from '../../core/api/devices.ts';
import type { Problem } from '../../core/api/problem.ts';
import type { JournalRow } from '../../core/journal/events.ts';
import { importDevice } from '../enrollment/factory.ts';
import type { Holder } from '../enrollment/renewing.ts';
import { changesAfter, imported, lastChange } from '../import/importing.ts';
import { changeAll, changeListed } from './bulk.ts';
import { eventsAfter, fleet, nothingAfter, service, statusesOf, statusOfDevice } from './bulk-fleets.ts';

describe('a group', () => {
  it('is revoked whole, with its certificates and their reason, and nobody else is', async () => {
    const [{ group, holders }, { holders: others }] = [await fleet(3), await fleet(1)];
    const before = await lastChange(service);
    const { status, result } = await changeAll(service, `/groups/${group}/revoke`, {
      reason: 'cessationOfOperation',
      atMost: 3,
    });
    expect([status, result]).toEqual([
      200,
      { dryRun: false, counts: { devices: 3, certificates: 3, unchanged: 0 } },
    ]);
    expect(await statusesOf(holders)).toEqual(Array(3).fill(['revoked', 'revoked']));
    expect(await statusesOf(others)).toEqual([['active', 'active']]);
    expect(await eventsAfter(before)).toEqual([
      {
        action: 'devices.revoked',
        subject: group,
        data: {
          reason: 'cessationOfOperation',
          count: 3,
          devices: holders.map(({ deviceId, serialNumber }) => ({
            id: deviceId,
            serialNumbers: [serialNumber],
          })),
        },
      },
    ]);
  });

  it('is revoked as its dry run has told, which changes nothing', async () => {
    const { group, holders } = await fleet(4);
    const [suspended, gone, ...active] = holders;
    await service.operator('POST', `/devices/${suspended?.deviceId}/suspend`);
    await service.operator('POST', `/devices/${gone?.deviceId}/revoke`, {});
    const before = await lastChange(service);
    const foretold = await changeAll(service, `/groups/${group}/revoke`, { dryRun: true });
    await nothingAfter(before);
    expect(foretold.devices.map(({ id }) => id)).toEqual([
      ...active.map(({ deviceId }) => deviceId),
      suspended?.deviceId,
    ]);
    const { result } = await changeAll(service, `/groups/${group}/revoke`, { atMost: 3 });
    expect(result).toEqual({ ...foretold.result, dryRun: false });
    const [event] = await eventsAfter(before);
    if (event?.action !== 'devices.revoked') throw new Error(event?.action);
    expect(
      event.data.devices.map(({ id, serialNumbers }) => ({
        id,
        status: 'revoked',
        certificates: serialNumbers,
      })),
    ).toEqual(foretold.devices);
  });

  it('is suspended and resumed whole, revoked devices aside', async () => {
    const { group, holders } = await fleet(3);
    const [gone, ...others] = holders;
    await service.operator('POST', `/devices/${gone?.deviceId}/revoke`, {});
    const { result } = await changeAll(service, `/groups/${group}/suspend`, { atMost: 2 });
    expect(result).toMatchObject({ counts: { devices: 2, certificates: 2 } });
    expect(await statusesOf(others)).toEqual(Array(2).fill(['suspended', 'suspended']));
    expect((await changeAll(service, `/groups/${group}/resume`, { atMost: 2 })).result?.counts.devices).toBe(
      2,
    );
    expect(await statusesOf(holders)).toEqual([
      ['revoked', 'revoked'],
      ['active', 'active'],
      ['active', 'active'],
    ]);
  });

  it.each(['revoke', 'suspend', 'resume'] as const)(
    'is left alone by %s where more would change than was said, or nothing was',
    async (kind) => {
      const { group, holders } = await fleet(2);
      if (kind === 'resume') await changeAll(service, `/groups/${group}/suspend`, { atMost: 2 });
      const before = await lastChange(service);
      const statuses = await statusesOf(holders);
      for (const body of [{}, { atMost: 1 }]) {
        const { status, problem } = await changeAll(service, `/groups/${group}/${kind}`, body);
        expect([status, problem?.code]).toEqual([409, 'bulk_unconfirmed']);
        expect(problem?.detail).toContain('2 would be changed');
      }
      expect(await statusesOf(holders)).toEqual(statuses);
      await nothingAfter(before);
    },
  );

  it('can be revoked again, and nothing is left to be', async () => {
    const { group } = await fleet(1);
    await changeAll(service, `/groups/${group}/revoke`, { atMost: 1 });
    const before = await lastChange(service);
    const { result } = await changeAll(service, `/groups/${group}/revoke`, { atMost: 1 });
    expect(result).toEqual({ dryRun: false, counts: { devices: 0, certificates: 0, unchanged: 0 } });
    await nothingAfter(before);
  });

  it('of more devices than a row of the journal holds leaves several, each of them small', async () => {
    const group = 'long';
    await service.operator('PUT', `/groups/${group}`, { profile: 'device', policy: 'device' });
    const entries = Array.from({ length: 1_050 }, (_, index) => ({ id: `${group}:${index}`, group }));
    await imported(service, entries);
    const before = await lastChange(service);
    const { result } = await changeAll(service, `/groups/${group}/revoke`, { atMost: 1_050 });
    expect(result).toMatchObject({ counts: { devices: 1_050, certificates: 0 } });
    const rows = await changesAfter(service, before);
    expect(rows.length).toBe(11);
    expect(Math.max(...rows.map((row: JournalRow) => JSON.stringify(row).length))).toBeLessThan(20_000);
  });

  it.each([
    ['of a name that there is none of', 'nosuch', {}, 404, 'group_unknown'],
    [
      'with a reason that only suspension has',
      'devices',
      { reason: 'certificateHold' },
      400,
      'request_invalid',
    ],
    ['with a reason that is none', 'devices', { reason: 'removeFromCRL' }, 400, 'request_invalid'],
    ['with a field that is not known', 'devices', { atmost: 5 }, 400, 'request_invalid'],
    ['with a number that is none', 'devices', { atMost: -1 }, 400, 'request_invalid'],
  ])('%s is refused', async (_what, group, body, status, code) => {
    const refused = await changeAll(service, `/groups/${group}/revoke`, body);
    expect([refused.status, refused.problem?.code]).toEqual([status, code]);
  });
});

describe('a list of devices', () => {
  const lines = (holders: readonly Holder[]) => holders.map(({ deviceId: id }) => ({ id }));

  it('is revoked whole; who is named twice, or was revoked before, counts once', async () => {
    const { holders } = await fleet(3);
    await service.operator('POST', `/devices/${holders[0]?.deviceId}/revoke`, {});
    const list = [...lines(holders), ...lines(holders)];
    const foretold = await changeListed(service, '/devices/revoke?dryRun=true', list);
    expect(foretold.devices.map(({ id }) => id)).toEqual(holders.slice(1).map(({ deviceId }) => deviceId));
    const { result } = await changeListed(service, '/devices/revoke?reason=superseded', list);
    expect(result).toEqual({ dryRun: false, counts: { devices: 2, certificates: 2, unchanged: 1 } });
    expect({ ...foretold.result, dryRun: false }).toEqual(result);
    expect(await statusesOf(holders)).toEqual(Array(3).fill(['revoked', 'revoked']));
  });

  it.each(['revoke', 'suspend'])('is left alone by %s where one of them is not there', async (kind) => {
    const { holders } = await fleet(2);
    const before = await lastChange(service);
    const list = [...lines(holders), { id: 'nosuch' }, { id: 'not an id' }, { name: 'x' }];
    const { status, problem } = await changeListed(service, `/devices/${kind}`, list);
    expect([status, problem]).toEqual([
      400,
      expect.objectContaining({
        code: 'list_refused',
        errorCount: 3,
        errors: [
          { line: 3, code: 'device_unknown', detail: 'there is no device "nosuch"' },
          { line: 4, code: 'device_id_invalid', detail: expect.any(String) },
          { line: 5, code: 'entry_invalid', detail: expect.any(String) },
        ],
      }),
    ]);
    expect(await statusesOf(holders)).toEqual(Array(2).fill(['active', 'active']));
    await nothingAfter(before);
  });

  it('is neither suspended nor resumed where one of them is revoked', async () => {
    const { holders } = await fleet(2);
    await service.operator('POST', `/devices/${holders[1]?.deviceId}/revoke`, {});
    for (const kind of ['suspend', 'resume']) {
      const { problem } = await changeListed(service, `/devices/${kind}`, lines(holders));
      expect(problem).toMatchObject({ code: 'list_refused', errors: [{ line: 2, code: 'device_revoked' }] });
    }
    expect(await statusOfDevice(holders[0]?.deviceId ?? '')).toBe('active');
  });
});

describe('a list of devices that may come back', () => {
  it('is reinstated by admins alone, all or none, each with its own row', async () => {
    const { holders } = await fleet(2);
    const ids = holders.map(({ deviceId: id }) => ({ id }));
    await changeListed(service, '/devices/revoke', ids);
    const clerk = await service.operator<{ token: string }>('POST', '/operators', {
      name: 'reinstater',
      role: 'operator',
    });
    expect((await changeListed(service, '/devices/reinstate', ids, clerk.body.token)).status).toBe(403);
    const before = await lastChange(service);
    const refused = await changeListed(service, '/devices/reinstate', [...ids, { id: 'nosuch' }]);
    expect(refused.problem?.code).toBe('list_refused');
    await nothingAfter(before);
    const { result, devices } = await changeListed(service, '/devices/reinstate', ids);
    expect(result?.counts).toEqual({ devices: 2, certificates: 0, unchanged: 0 });
    expect(devices).toEqual(ids.map(({ id }) => ({ id, status: 'active', certificates: [] })));
    expect(await eventsAfter(before)).toEqual(
      ids.map(({ id: subject }) => ({ action: 'device.reinstated', subject, data: { released: false } })),
    );
    expect(await statusesOf(holders)).toEqual(Array(2).fill(['active', 'revoked']));
  });

  it('is neither reinstated nor released where one of them is in no state for it', async () => {
    const { holders } = await fleet(2);
    const ids = holders.map(({ deviceId: id }) => ({ id }));
    await service.operator('POST', `/devices/${ids[0]?.id}/suspend`);
    await service.operator('POST', `/devices/${ids[1]?.id}/revoke`);
    for (const [kind, line, code] of [
      ['reinstate', 1, 'device_suspended'],
      ['release', 2, 'device_revoked'],
    ] as const) {
      const { problem } = await changeListed(service, `/devices/${kind}`, ids);
      expect(problem).toMatchObject({ code: 'list_refused', errors: [{ line, code }] });
    }
    expect(await statusOfDevice(ids[1]?.id ?? '')).toBe('revoked');
  });
});

describe('a body that is empty', () => {
  const post = (path: string, headers: Readonly<Record<string, string>>) =>
    service.call<Omit<DeviceDetail, 'status'> & Omit<Problem, 'status'> & { status: unknown }>(
      `${service.adminUrl}/api/v1${path}`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${service.adminToken}`, ...headers },
        body: '',
      },
    );

  it.each([
    ['of no type', {}],
    ['of JSON', { 'content-type': 'application/json' }],
    ["as curl -d '' sends it", { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('%s means the defaults', async (_what, headers) => {
    const { holders } = await fleet(1);
    const path = `/devices/${holders[0]?.deviceId}`;
    expect((await post(`${path}/suspend`, headers)).body.status).toBe('suspended');
    const { status, body } = await post(`${path}/revoke`, headers);
    expect([status, body.certificates[0]?.reason]).toEqual([200, 'unspecified']);
  });

  it('is told what is missing where something has no default, or a list is needed', async () => {
    const missing = await post('/operators', {});
    expect([missing.status, missing.body.code]).toEqual([400, 'request_invalid']);
    expect(missing.body.detail).toContain('name');
    const empty = await post('/devices/revoke', { 'content-type': 'application/x-ndjson' });
    expect(empty.status).toBe(200);
    const listless = await post('/devices/revoke', {});
    expect([listless.status, listless.body.code]).toEqual([400, 'request_invalid']);
    expect(listless.body.detail).toContain('there is no list in it');
  });
});

it('devices that were imported and never enrolled are revoked like the others', async () => {
  await importDevice(service, 'never-enrolled');
  const { result } = await changeListed(service, '/devices/revoke', [{ id: 'never-enrolled' }]);
  expect(result).toMatchObject({ counts: { devices: 1, certificates: 0 } });
});
