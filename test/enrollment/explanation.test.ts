/** What an operator is told who asks what is the matter with a device. */
import { describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
import type { Report } from '../../registry/reports/report.ts';
import { enrollHolder, renewed } from './renewing.ts';
import { explanation, refusal, refusals, report, service, sighting, texts } from './reporting.ts';

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

  it('tells of strangers at the address where the device was last, since it was', async () => {
    await enrollHolder(service, 'behind');
    const id = parseDeviceId('behind');
    const now = Date.now();
    const stranger = refusal({ rule: 'tls_handshake_failed', topic: null });
    const gone = {
      connectedAt: now - 9_000,
      disconnectedAt: now - 5_000,
      sessions: 0,
      address: '192.0.2.77',
    };
    const at = (address: string, lastAt: number): Report => ({
      ...stranger,
      kind: 'stranger',
      action: 'connect',
      address,
      firstAt: lastAt,
      lastAt,
    });
    await report(sighting(id, { ...gone, reason: 'keepalive_timeout' }), at('192.0.2.77', now - 1_000));
    await report(at('192.0.2.78', now - 500));
    const { strangers, findings } = await explanation('behind');
    expect(strangers).toMatchObject([{ address: '192.0.2.77', rule: 'tls_handshake_failed' }]);
    expect(findings).toContainEqual({
      severity: 'note',
      text: expect.stringMatching(/^From 192\.0\.2\.77, where it was last seen, somebody was refused/),
      next: expect.stringContaining('If that was behind: '),
    });
    await report(sighting(id, { ...gone, disconnectedAt: now, reason: 'keepalive_timeout' }));
    expect((await explanation('behind')).strangers).toEqual([]);
    // Of one that was never seen, nobody knows the address.
    await enrollHolder(service, 'never');
    const never = await explanation('never');
    expect(never.strangers.map(({ address }) => address)).toEqual(['192.0.2.78', '192.0.2.77']);
    expect((await explanation('nobody-at-all')).strangers).toEqual([]);
    // Nor can one connect that has no certificate.
    await service.operator('POST', '/devices', { id: 'without' });
    expect((await explanation('without')).strangers).toEqual([]);
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
