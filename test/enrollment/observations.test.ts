/** What the broker reports, as operators find it: presence, refusals, and reports that are not as they should be. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { DeviceView } from '../../core/api/devices.ts';
import type { Page } from '../../core/api/page.ts';
import type { PolicyTestResult } from '../../core/api/policies.ts';
import type { Problem } from '../../core/api/problem.ts';
import { parseDeviceId } from '../../core/ids.ts';
import { selfSigned } from '../broker/authority.ts';
import { csrPem } from '../support/enroll-service.ts';
import { eventually } from '../support/eventually.ts';
import { journalWithoutLists } from '../support/journal.ts';
import { askRenewal, enrollHolder } from './renewing.ts';
import {
  beginAnotherRun,
  detail,
  pump,
  refusal,
  refusals,
  report,
  restartEnroll,
  service,
  sighting,
  startedAt,
  writer,
} from './reporting.ts';

describe('presence', () => {
  it('is null until a device is seen, and then as it was seen last', async () => {
    expect((await detail(pump)).presence).toBeNull();
    await report(sighting(pump));
    expect((await detail(pump)).presence).toMatchObject({
      status: 'online',
      since: new Date(startedAt).toISOString(),
      address: '192.0.2.1',
      tlsVersion: 'TLSv1.3',
      sessions: 1,
      reason: null,
    });
    const disconnectedAt = Date.now();
    await report(sighting(pump, { disconnectedAt, reason: 'keepalive_timeout', sessions: 0 }));
    const { body } = await service.operator<Page<DeviceView>>('GET', '/devices');
    expect(body.items.find(({ id }) => id === pump)?.presence).toMatchObject({
      status: 'offline',
      reason: 'keepalive_timeout',
      lastSeenAt: new Date(disconnectedAt).toISOString(),
    });
  });

  it('leaves no row in the journal', async () => {
    const before = await journalWithoutLists(service);
    await report(sighting(pump));
    expect(await journalWithoutLists(service)).toEqual(before);
  });

  it('of a broker that was killed is not taken for true when the next one runs', async () => {
    await report(sighting(pump));
    expect((await detail(pump)).presence?.status).toBe('online');
    beginAnotherRun();
    await report();
    expect((await detail(pump)).presence).toMatchObject({
      status: 'offline',
      reason: 'broker_ended',
      sessions: 0,
    });
  });

  it('lies not in the future, whatever the broker says', async () => {
    const future = Date.now() + 1e12;
    await report(sighting(pump, { connectedAt: future, disconnectedAt: future, reason: 'disconnected' }));
    const { presence } = await detail(pump);
    expect(Date.parse(presence?.since ?? '')).toBeLessThanOrEqual(Date.now());
  });
});

describe('refusals', () => {
  it('are counted once, over a restart of enroll as well', async () => {
    await report({ kind: 'refusal', device: pump, ...refusal({ count: 3 }) });
    await restartEnroll();
    await report({ kind: 'refusal', device: pump, ...refusal({ count: 4 }) });
    expect((await refusals(pump)).items).toMatchObject([
      {
        count: 7,
        rule: 'publish_denied',
        remedy: expect.stringContaining(`gatehouse policy test --device ${pump} `),
      },
    ]);
  });

  it('that a test of the policy asks about are told with its answer', async () => {
    const ask = async (question: object) =>
      (await service.operator<PolicyTestResult>('POST', '/policies/test', { device: pump, ...question }))
        .body;
    await report(
      {
        kind: 'refusal',
        device: pump,
        ...refusal({ action: 'subscribe', rule: 'subscribe_denied', topic: 'a/#' }),
      },
      {
        kind: 'refusal',
        device: pump,
        ...refusal({ action: 'deliver', rule: 'subscribe_denied', topic: 'a/b', count: 5 }),
      },
    );
    expect((await ask({ publish: 'devices/other/status' })).refused).toMatchObject({ count: 7 });
    expect((await ask({ subscribe: 'devices/other/status' })).refused).toBeNull();
    expect((await ask({ subscribe: 'a/#' })).refused).toMatchObject({ count: 6 });
    expect((await ask({ publish: 'a/b' })).refused).toBeNull();
  });

  it("of strangers are found by the name they claim, and are not the device's", async () => {
    const claim = refusal({
      action: 'connect',
      rule: 'certificate_untrusted',
      topic: null,
      address: '203.0.113.9',
    });
    await report(
      { kind: 'claim', claimed: pump, ...claim },
      { kind: 'claim', claimed: parseDeviceId('nobody'), ...claim },
    );
    const { items, claims } = await refusals(pump);
    expect(items.some(({ rule }) => rule === 'certificate_untrusted')).toBe(false);
    expect(claims).toMatchObject([{ rule: 'certificate_untrusted', address: '203.0.113.9' }]);
    expect(await refusals('nobody')).toMatchObject({ items: [], claims: [{ count: 1 }] });
  });

  it('of the device listener are filed with whoever shows its certificate', async () => {
    const other = await enrollHolder(service, 'renews');
    await service.operator('POST', '/devices/renews/suspend', {});
    expect((await askRenewal(service, other)).body.code).toBe('device_suspended');
    const forged = await selfSigned('renews');
    const answer = await service.renew(
      { key: forged.key, cert: forged.chain },
      await csrPem({ commonName: 'renews', privateKey: other.privateKey }),
    );
    expect(answer.body.code).toBe('certificate_untrusted');
    const found = await eventually(async () => {
      const both = await refusals('renews');
      return both.items.length > 0 && both.claims.length > 0 && both;
    });
    expect(found).toMatchObject({
      items: [{ action: 'renew', rule: 'device_suspended', serialNumber: other.serialNumber }],
      claims: [{ action: 'renew', rule: 'certificate_untrusted' }],
    });
  });

  it('are for operators alone', async () => {
    for (const path of ['refusals', 'explanation']) {
      const { status, body } = await service.operator<Problem>(
        'GET',
        `/devices/${pump}/${path}`,
        undefined,
        null,
      );
      expect([status, body.code]).toEqual([401, 'operator_token_missing']);
    }
  });
});

describe('a report that is not as it should be', () => {
  it('is passed over, and the next one is taken in', async () => {
    const { number } = await writer.write([]);
    writeFileSync(
      join(service.layout.reports, `${String(number).padStart(16, '0')}.jsonl`),
      Buffer.alloc(1_000_000, 0xff),
    );
    await report(sighting(pump, { clientId: 'pump-1/after' }));
    expect((await detail(pump)).presence?.clientId).toBe('pump-1/after');
  });

  it('changes nothing of devices that are not there, or of another table', async () => {
    await report(sighting(parseDeviceId('none')), {
      kind: 'refusal',
      device: parseDeviceId('none'),
      ...refusal(),
    });
    expect((await service.operator('GET', '/devices/none')).status).toBe(404);
    expect((await refusals('none')).items).toEqual([]);
  });
});
