/** What an operator is told who asks what is the matter with a device. */
import { describe, expect, it } from '@jest/globals';
import { parseDeviceId } from '../../core/ids.ts';
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
