/** What the broker reports, as operators find it: presence, refusals, and why a device is not where it should be. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceDetail, DeviceView } from '../../core/api/devices.ts';
import type { DeviceExplanation, RefusalsView } from '../../core/api/explanation.ts';
import type { Page } from '../../core/api/page.ts';
import type { PolicyTestResult } from '../../core/api/policies.ts';
import type { Problem } from '../../core/api/problem.ts';
import { type DeviceId, parseDeviceId } from '../../core/ids.ts';
import type { CountedRefusal } from '../../core/observations/refusal.ts';
import type { Report } from '../../registry/reports/report.ts';
import { ReportWriter } from '../../registry/reports/writer.ts';
import { openRegistryView } from '../../registry/sqlite/open.ts';
import { selfSigned } from '../broker/authority.ts';
import { eventually } from '../broker/eventually.ts';
import { csrPem, runTestEnroll, startTestEnroll, type TestEnroll } from '../support/enroll-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { askRenewal, enrollHolder, type Holder, renewed } from './renewing.ts';

let service: TestEnroll;
let writer: ReportWriter;
/** Of the broker that runs now. */
let startedAt = Date.now();
const folder = temporaryFolder();
const pump = parseDeviceId('pump-1');
let holder: Holder;
beforeAll(async () => {
  service = await startTestEnroll(folder);
  writer = await ReportWriter.open(service.layout.reports, 0);
  holder = await enrollHolder(service, pump);
});
afterAll(() => service.close());

async function lastReport(): Promise<number> {
  const view = await openRegistryView({ file: service.layout.registry.database });
  const taken = await view.observations.lastReport();
  await view.close();
  return taken;
}

/** Resolves when enroll has taken it in. */
async function report(...reports: Report[]): Promise<void> {
  const run: Report = { kind: 'run', startedAt, lastAt: Date.now(), endedAt: null };
  const { number } = await writer.write([run, ...reports]);
  await eventually(async () => (await lastReport()) >= number);
  await writer.prune(number);
}

function sighting(device: DeviceId, rest: Partial<Extract<Report, { kind: 'sighting' }>> = {}): Report {
  return {
    kind: 'sighting',
    device,
    run: startedAt,
    connectedAt: startedAt,
    disconnectedAt: null,
    reason: null,
    sessions: 1,
    clientId: device,
    address: '192.0.2.1',
    tlsVersion: 'TLSv1.3',
    serialNumber: holder.serialNumber,
    ...rest,
  };
}

function refusal(rest: Partial<CountedRefusal> = {}): CountedRefusal {
  const now = Date.now();
  return {
    action: 'publish',
    rule: 'publish_denied',
    topic: 'devices/other/status',
    detail: 'policy "device" does not grant it',
    serialNumber: holder.serialNumber,
    clientId: pump,
    address: '192.0.2.1',
    count: 1,
    firstAt: now,
    lastAt: now,
    ...rest,
  };
}

const detail = async (id: string) => (await service.operator<DeviceDetail>('GET', `/devices/${id}`)).body;
const refusals = async (id: string) =>
  (await service.operator<RefusalsView>('GET', `/devices/${id}/refusals`)).body;
const explanation = async (id: string) =>
  (await service.operator<DeviceExplanation>('GET', `/devices/${id}/explanation`)).body;
const texts = async (id: string) =>
  (await explanation(id)).findings.map(({ text, next }) => `${text} ${next}`).join('\n');

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
    const before = (await service.operator<Page<unknown>>('GET', '/journal?limit=1000')).body.items.length;
    await report(sighting(pump));
    const after = (await service.operator<Page<unknown>>('GET', '/journal?limit=1000')).body.items.length;
    expect(after).toBe(before);
  });

  it('of a broker that was killed is not taken for true when the next one runs', async () => {
    await report(sighting(pump));
    expect((await detail(pump)).presence?.status).toBe('online');
    startedAt += 1;
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
    const { settings, layout } = service;
    await service.close();
    service = await runTestEnroll(settings, layout);
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
    }, 10_000);
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

describe('an explanation', () => {
  it('of an ID that no device has says how it could come to be one', async () => {
    expect(await explanation('pump-0')).toMatchObject({ device: null, policy: null, items: [], claims: [] });
    expect(await texts('pump-0')).toContain('gatehouse token create --device pump-0');
  });

  it('of a device that never enrolled says so', async () => {
    await service.operator('POST', '/devices', { id: 'listed' });
    expect(await texts('listed')).toMatch(/never enrolled.*token create --device listed/);
  });

  it('of one that never came to the broker says so', async () => {
    await enrollHolder(service, 'unseen');
    expect(await texts('unseen')).toContain('never been seen at the broker');
  });

  it('of one that is online has nothing to be done', async () => {
    const device = await enrollHolder(service, 'well');
    await report(sighting(parseDeviceId('well'), { serialNumber: device.serialNumber }));
    const { findings, policy } = await explanation('well');
    expect(policy).toBe('device');
    expect(findings).toEqual([{ severity: 'note', text: expect.stringContaining('online'), next: null }]);
  });

  it('of one that is barred says how it is let back, with its name', async () => {
    await enrollHolder(service, 'barred');
    await service.operator('POST', '/devices/barred/suspend', {});
    expect(await texts('barred')).toContain('gatehouse device resume barred');
    await service.operator('POST', '/devices/barred/revoke', {});
    expect((await explanation('barred')).findings[0]).toMatchObject({
      severity: 'problem',
      text: expect.stringContaining('revoked'),
    });
  });

  it('of a renewal that was never used names both certificates', async () => {
    const old = await enrollHolder(service, 'renewing');
    const next = await renewed(service, old);
    expect(await texts('renewing')).toMatch(
      new RegExp(`${next.serialNumber}.*never used, ${old.serialNumber}`),
    );
  });

  const steps = async (id: string) =>
    (await explanation(id)).findings.flatMap(({ next }) => next ?? []).join(' ');
  const settledOf = async (id: string) => (await explanation(id)).items.map(({ settled }) => settled);
  const refusedOf = (id: string, more: Parameters<typeof refusal>[0]): Report => ({
    kind: 'refusal',
    device: parseDeviceId(id),
    ...refusal({ ...more }),
  });

  it.each([
    [
      'reinstated',
      'device_revoked',
      async (id: string) => {
        await service.operator('POST', `/devices/${id}/revoke`);
        await report(refusedOf(id, { action: 'connect', rule: 'device_revoked', topic: null }));
        await service.operator('POST', `/devices/${id}/reinstate`);
      },
    ],
    [
      'resumed',
      'device_suspended',
      async (id: string) => {
        await service.operator('POST', `/devices/${id}/suspend`);
        await report(refusedOf(id, { action: 'connect', rule: 'device_suspended', topic: null }));
        await service.operator('POST', `/devices/${id}/resume`);
      },
    ],
  ] as const)('advises nothing on a refusal from before it was %s', async (state, rule, change) => {
    const id = `was-${state}`;
    await enrollHolder(service, id);
    await change(id);
    expect(await settledOf(id)).toEqual([expect.stringContaining('it was changed since')]);
    expect(await texts(id)).not.toContain(rule);
    expect(await steps(id)).not.toMatch(/device (?:resume|reinstate)/);
  });

  it('advises nothing on a certificate that it has renewed since, and on one that it shows still', async () => {
    const old = await enrollHolder(service, 'renewed');
    const expired = { action: 'connect', rule: 'certificate_expired', topic: null } as const;
    await report(refusedOf('renewed', expired));
    expect(await settledOf('renewed')).toEqual([null]);
    expect(await texts('renewed')).toContain('Refused by certificate_expired');
    await renewed(service, old);
    expect(await settledOf('renewed')).toEqual([expect.stringContaining('given a certificate since')]);
    expect(await texts('renewed')).not.toContain('certificate_expired');
    const again = Date.now() + 1;
    await report(refusedOf('renewed', { ...expired, lastAt: again }));
    expect(await settledOf('renewed')).toEqual([null]);
  });

  it('holds what a policy refused against the policy of now', async () => {
    await service.operator('PUT', '/policies/wide', { publish: ['plant/#'], subscribe: [] });
    await service.operator('PUT', '/groups/wide', { profile: 'device', policy: 'wide' });
    await enrollHolder(service, 'moved');
    await report(
      refusedOf('moved', { topic: 'plant/a' }),
      refusedOf('moved', { topic: 'elsewhere' }),
      refusedOf('moved', { topic: 'plant/a', rule: 'rate_exceeded' }),
    );
    expect(await settledOf('moved')).toEqual([null, null, null]);
    await service.operator('PATCH', '/devices/moved', { group: 'wide' });
    const { items } = await explanation('moved');
    expect(
      Object.fromEntries(items.map(({ rule, topic, settled }) => [`${rule} ${topic}`, settled])),
    ).toEqual({
      'publish_denied plant/a': 'its policy grants it now',
      'publish_denied elsewhere': null,
      'rate_exceeded plant/a': null,
    });
  });

  it('advises nothing on what a session was refused before the device came back', async () => {
    const { serialNumber } = await enrollHolder(service, 'back');
    await report(refusedOf('back', { action: 'session', rule: 'rate_exceeded', topic: null }));
    expect(await texts('back')).toContain('rate_exceeded');
    const connectedAt = Date.now() + 5;
    await report(sighting(parseDeviceId('back'), { serialNumber, connectedAt }));
    expect(await settledOf('back')).toEqual([expect.stringContaining('connected since')]);
    expect(await texts('back')).not.toContain('rate_exceeded');
  });

  it('says how far behind it may be', async () => {
    expect(await explanation('pump-0')).toMatchObject({ observedWithin: 10 });
  });

  it('names what was refused lately, the gravest first, and not what is long ago', async () => {
    await enrollHolder(service, 'refused');
    const device = parseDeviceId('refused');
    const lastWeek = Date.now() - 6 * 86_400_000;
    await report(
      { kind: 'refusal', device, ...refusal({ count: 40 }) },
      { kind: 'refusal', device, ...refusal({ topic: 'another', count: 1 }) },
      {
        kind: 'refusal',
        device,
        ...refusal({ rule: 'retained_limit', firstAt: lastWeek, lastAt: lastWeek }),
      },
    );
    const all = await texts('refused');
    expect(all).toContain('Refused by publish_denied, 41 times since');
    expect(all).not.toContain('retained_limit');
    expect((await refusals('refused')).items).toHaveLength(3);
  });
});
